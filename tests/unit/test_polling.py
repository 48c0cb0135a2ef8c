# SPDX-License-Identifier: AGPL-3.0-or-later
"""Looks up to a deadline."""

from __future__ import annotations

import time
from itertools import islice, pairwise

import pytest

from serving.polling import poll


def test_there_is_a_look_without_time() -> None:
    """And no pause."""
    slept = list[float]()

    assert 1 == len(list(poll(0, 1.0, sleep=slept.append)))
    assert not slept


def test_the_last_look_is_at_the_deadline() -> None:
    """A pause never outlasts it."""
    started_s = time.monotonic()
    waited_s = list(poll(0.2, 0.15))

    assert 0.2 == pytest.approx(waited_s[-1], abs=0.1)
    assert 3 >= len(waited_s)
    assert waited_s[0] < 0.1 <= time.monotonic() - started_s


def test_pauses_grow_and_are_not_alike() -> None:
    """Up to the longest one; those who began together do not stay together."""
    mine, yours = list[float](), list[float]()
    for slept in (mine, yours):
        list(islice(poll(1000, 1.0, 8.0, sleep=slept.append), 40))

    assert mine != yours
    assert 0.8 <= mine[0] <= 1.2
    assert all(0.8 * 8 <= pause_s <= 1.2 * 8 for pause_s in mine[-20:])
    assert all(after < 1.9 * before for before, after in pairwise(mine))
