# SPDX-License-Identifier: AGPL-3.0-or-later
"""The short form of tests/torture/inputs.py: a hundred inputs for each reader, and cuts."""

from __future__ import annotations

import itertools
import random
from contextlib import closing

import pytest

from roomdet.config import Limits
from roomdet.isolation import IsolatedReader, PageCeiling
from tests.torture.inputs import cut, mutated, reads
from tests.torture.targets import TARGETS, Found

# Pillow's, of odd metadata: a server does not listen (roomdet/pictures.py).
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")
SEED = 3
TRIES = 120


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_refused(name: str) -> None:
    """Seeds and mutants of them; ``make torture TORTURE=inputs`` goes on for 100,000."""
    target, chance = TARGETS[name], random.Random(SEED)  # noqa: S311  # the same each time
    seeds = [content for content in target.seeds() if len(content) <= target.most_bytes]
    chance.shuffle(seeds)
    for content in itertools.islice(itertools.cycle(seeds), TRIES):
        target(mutated(content, chance))


def test_files_may_be_cut_off_anywhere() -> None:
    """At ten places each, in the process that reads pages; texts likewise."""
    tried, found = cut(10)

    assert found == []
    assert tried > 500


def test_a_find_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that is slow, and an error that is long, are told."""
    target = TARGETS["base64"]
    monkeypatch.setattr("tests.torture.targets.MOST_CPU_S", -1.0)
    with pytest.raises(Found, match="of processor"):
        target(b"AAAA")
    monkeypatch.setattr("tests.torture.targets.MOST_ANSWER_BYTES", 10)
    with pytest.raises(Found, match="an error of"):
        target(b"no base64")
    with closing(IsolatedReader(Limits(), PageCeiling(10.0, 0))) as reader:
        assert "an error of" in str(reads(reader, b"nothing"))
