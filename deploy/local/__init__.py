# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe on this machine, with ports and folders of its own."""
