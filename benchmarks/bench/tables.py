# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stub for the first run."""
def bar_text(report):
    return "\n".join(f"{'PASS' if l['passed'] else 'FAIL'} {l['what']}: {l['value']} ({l['bound']})" for l in report["bar"])
