# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a checkpoint to the archive that is served."""
