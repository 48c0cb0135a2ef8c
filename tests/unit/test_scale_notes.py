# SPDX-License-Identifier: AGPL-3.0-or-later
"""Scales are read as drawings state them, and nothing else is taken for one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomdet.scale_notes import asked_scale, is_label, parse_scale, read_note

READ = [
    ("1:100", 100, "1:100"),
    ("1 : 100", 100, "1:100"),
    ("M 1:50", 50, "1:50"),
    ("M1:50", 50, "1:50"),
    ("M. 1:20", 20, "1:20"),
    ("SKALA 1:100 (A1)", 100, "1:100"),
    ("Skala 1:400", 400, "1:400"),
    ("Echelle 1/100", 100, "1:100"),
    ("ÉCHELLE : 1/50e", 50, "1:50"),
    ("ECH. 1/75", 75, "1:75"),
    ("Maßstab 1:200", 200, "1:200"),
    ("MASSSTAB: 1 : 50", 50, "1:50"),
    ("Mittakaava 1:100", 100, "1:100"),
    ("MÅLESTOK 1:50", 50, "1:50"),
    ("Escala: 1/75", 75, "1:75"),
    ("S=1/100", 100, "1:100"),
    ("МАСШТАБ 1:100", 100, "1:100"),
    ("Ölçek: 1/50", 50, "1:50"),
    ("Scale 1:33", 33, "1:33"),
    ("SCALE 1:500", 500, "1:500"),
    ("1:1 000", 1000, "1:1000"),
    ("SCALE 1:1,250 @ A3", 1250, "1:1250"),
    ("1:100 @A1", 100, "1:100"),
    ("A1 1:100", 100, "1:100"),
    ("SCALE@A1: 1:100", 100, "1:100"),
    ("GROUND FLOOR PLAN - 1:100", 100, "1:100"),
    ("PLAN RDC 1/100", 100, "1:100"),
    ("SCALE 1:20", 20, "1:20"),
    ("RAMP PLAN SCALE 1:50", 50, "1:50"),
    ("SCALE 1:50 DATE 2021-03-04", 50, "1:50"),
    ('1/8" = 1\'-0"', 96, '1/8" = 1\'-0"'),
    ("1/4\"=1'", 48, '1/4" = 1\'-0"'),
    ("SCALE : 1/8\" = 1'", 96, '1/8" = 1\'-0"'),
    ('3/32" = 1\'-0"', 128, '3/32" = 1\'-0"'),
    ("1\" = 20'", 240, '1" = 20\'-0"'),
    ('1"=20\'-0"', 240, '1" = 20\'-0"'),
    ('1-1/2" = 1\'-0"', 8, '1-1/2" = 1\'-0"'),
    ('1 1/2" = 1\'-0"', 8, '1-1/2" = 1\'-0"'),
    ("1½″ = 1′-0″", 8, '1-1/2" = 1\'-0"'),
    ("½″ = 1′-0″", 24, '1/2" = 1\'-0"'),
    ("⅛” = 1’-0”", 96, '1/8" = 1\'-0"'),
    ("SCALE: ¼”=1’–0”", 48, '1/4" = 1\'-0"'),
    ("1/8'' = 1'-0''", 96, '1/8" = 1\'-0"'),
    ("1/8 INCH = 1 FOOT", 96, '1/8" = 1\'-0"'),
    ("1/8 IN. = 1 FT.", 96, '1/8" = 1\'-0"'),
    ("1 INCH = 20 FEET", 240, '1" = 20\'-0"'),
    ("SCALE 1/8 = 1-0", 96, '1/8" = 1\'-0"'),
    ('3" = 1\'-0"', 4, '3" = 1\'-0"'),
    ('FIRST FLOOR PLAN  SCALE: 3/16" = 1\'-0"', 64, '3/16" = 1\'-0"'),
    ('3 1/8" = 1\'-0"', 96, '1/8" = 1\'-0"'),  # the number of a view stands before it
]
REFUSED = [
    *("", "1", "KITCHEN", "1:12", "SLOPE 1:12", "RAMP 1:20 MAX", "FALL 1:50", "1:8 SLOPE"),
    *("10:30", "10:30 AM", "1:50 PM", "11:01:47", "7/6/2021 11:01:47 AM", "2021-11-01 1:50"),
    *("01/2020", "1/2", '1/2"', "1'-0\"", "12'-6 1/2\"", "1-1/2", '5/8" GYP. BD.', "1/100", "1/50"),
    *("1:3 MORTAR", "CEMENT MORTAR 1:50", "MIX 1:25", "1:12,5", "1:100:50", "21:100", "0.1:100"),
    *(
        "A1:100",
        "DETAIL 1:3",
        "1:500000",
        "1:0",
        "1:007",
        "SCALE 0/8 = 1-0",
        "0\" = 1'",
        "1/0 = 1'",
    ),
    *("DO NOT SCALE DRAWINGS", "DO NOT SCALE FROM DRAWING 1:100", "SCALE", "SCALE: AS NOTED"),
    *("NTS", "N.T.S.", "NOT TO SCALE", "SCALE: NONE", "1:100 1:50", "SCALE 1:100 / 1:20"),
    *('SLOPE 1/4" = 1\'-0"', '7" = 1\'-0"', "1 = 20'", 'A1-1/8" = 1\'-0"', "1:100%", '1/16"'),
    *("1/100 A", "ROOM 1:17", "VERSION 1:25.3", "1:50 mm", "R 1:100'", "SCALE BAR 1:100"),
]


@pytest.mark.parametrize(("text", "ratio", "written"), READ)
def test_a_scale_is_read(text: str, ratio: float, written: str) -> None:
    """In the forms of many countries and programs, written in one."""
    scale = parse_scale(text)

    assert scale is not None
    assert scale.ratio == pytest.approx(ratio)
    assert scale.text == written


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_scale_is_not_read(text: str) -> None:
    """Slopes, mixes, dates, times, lengths, and lines that state several scales."""
    assert parse_scale(text) is None


@pytest.mark.parametrize(
    ("text", "papers"),
    [
        ("1:100 (A1)", {"1:100": "A1"}),
        ("SKALA 1:100 (A1) 1:200 (A3)", {"1:100": "A1", "1:200": "A3"}),
        ("SKALA A1 1:50, A3 1:100", {"1:50": "A1", "1:100": "A3"}),
        ("1:50 @ A1 / 1:100 @ A3", {"1:50": "A1", "1:100": "A3"}),
        ("1:100 på A1", {"1:100": "A1"}),
        ("SCALE (A3): 1:100", {"1:100": "A3"}),
        ('1/8" = 1\'-0" (24x36)', {'1/8" = 1\'-0"': "ARCH D"}),
        ('1/8" = 1\'-0" ON 11" x 17" SHEET', {'1/8" = 1\'-0"': "ANSI B"}),
        ("1:100 A101", {"1:100": None}),
        ("1:100 DRAWING A1.02", {"1:100": None}),
    ],
)
def test_a_paper_is_that_of_the_scale_beside_it(text: str, papers: dict[str, str | None]) -> None:
    """Behind it, or before it where the line starts with a paper; the number of a sheet is none."""
    scales = read_note(text).scales

    assert {s.text: s.paper.name if s.paper else None for s in scales} == papers


@pytest.mark.parametrize(
    "text",
    ["NTS", "N.T.S.", "N. T. S.", "SECTION A-A  NTS", "Not to scale", "SCALE: NTS", "SCALE: NONE",
     "ohne Maßstab", "Sans échelle", "sin escala", "EJ SKALENLIG"],
)  # fmt: skip
def test_a_drawing_that_is_not_to_scale_says_so(text: str) -> None:
    """That is known: it is not the same as saying nothing."""
    assert read_note(text).is_refusal


@pytest.mark.parametrize(
    "text", ["SCALE: AS NOTED", "AS SHOWN", "SCALE AS INDICATED", "SCALE VARIES"]
)
def test_a_scale_may_stand_elsewhere(text: str) -> None:
    """It says nothing itself and forbids nothing."""
    note = read_note(text)

    assert note.is_deferral
    assert not note.is_refusal


@pytest.mark.parametrize("text", ["DOORS AS SHOWN ON PLAN", "PANTS", "DO NOT SCALE", "CLIENTS"])
def test_words_of_notes_say_nothing_of_a_scale(text: str) -> None:
    """Neither that it stands elsewhere nor that there is none."""
    assert not read_note(text)


def test_the_word_alone_is_a_label() -> None:
    """Its value stands beside it."""
    assert all(is_label(text) for text in ("SCALE", "Scale :", "SKALA", "Maßstab", "MITTAKAAVA:"))
    assert not any(
        is_label(text) for text in ("", "SCALE 1:100", "SCALED", "DO NOT SCALE", "M", "1:50")
    )


@pytest.mark.parametrize(
    "text", ["1:100", " 1:100 ", "1/8\"=1'", "1/8in=1ft", "1:100@A3", "M 1:50"]
)
def test_a_request_states_one_scale(text: str) -> None:
    """As a drawing would, with a paper or without."""
    assert asked_scale(text) == parse_scale(text)


@pytest.mark.parametrize(
    "text",
    ["", "100", "1:0", "1:100 1:50", "NTS", "1:100 or so", "about 1:100", "1:1e3", "x" * 99,
     "-1:100", "A3", "1:100;iou=0.4"],
)  # fmt: skip
def test_what_a_request_states_is_read_strictly(text: str) -> None:
    """One word too many is an error that says what may stand there."""
    with pytest.raises(ValueError, match="must look like 1:100"):
        asked_scale(text)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=400),
        st.text(alphabet="1 0:/'\"-.=,()AaMmSsNnTtXx½8FTIN", max_size=400),
    )
)
def test_no_line_is_too_strange(text: str) -> None:
    """Any text is read or refused, and what is read is sane."""
    for scale in read_note(text).scales:
        assert 1 <= scale.ratio <= 20_000
        again = parse_scale(f"SCALE {scale.text}")
        assert again is not None
        assert again.ratio == pytest.approx(scale.ratio)


@pytest.mark.parametrize(
    "text",
    ["1" * 200, "1 " * 100, "1:" * 100, "1/8" * 66, '1/8" = ' * 25, "1-" * 100, "SCALE " * 33,
     "1 1/8 = " * 25, "A1 " * 66, "N.T" * 66, "11 x " * 40, "(" * 200, "SCALE (" * 28],
)  # fmt: skip
def test_a_long_line_takes_no_time(text: str) -> None:
    """The best of a few runs over 200 characters that a careless pattern would try forever.

    A fifth of a microsecond a character is what they take; the limit is wide for a loaded machine.
    """
    times = []
    for _ in range(9):
        start = time.process_time()
        read_note(text[:200])
        times.append(time.process_time() - start)

    assert min(times) < 0.001
