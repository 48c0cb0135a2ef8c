# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe on this machine: started, replaced under load, tried and shown."""
