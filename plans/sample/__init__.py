# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plans of the documentation and the tests: three buildings drawn as vector PDF."""
