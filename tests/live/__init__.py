# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole way on an account of AWS, by ``make live``; here, by ``make live-rehearsal``."""
