# SPDX-License-Identifier: AGPL-3.0-or-later
"""Floor plans that this project draws itself, with exact room boxes."""
