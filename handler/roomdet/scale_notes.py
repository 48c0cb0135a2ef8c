# SPDX-License-Identifier: AGPL-3.0-or-later
"""Scales as drawings state them: ``1:100``, ``SKALA 1:50 (A1)``, ``1/8" = 1'-0"``, ``N.T.S.``.

One line of text in, what it says of scales out. A ramp of 1:12, a date, a time, a mortar of 1:3 and
a room number are no scales; where a line may be read in two ways it says nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LONGEST = 400  # characters of a line that are read
_LONGEST_ASKED, _LONGEST_LABEL = 40, 24
FORMS = '1:100, 1:100 (A1), 1/8"=1\'-0" or 1"=20\''  # that a request may state
_MOST = 20_000  # meters of the building a meter of paper; beyond are maps
_MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class Paper:
    """A size of paper that a note names.

    Attributes:
        name: As drawings write it.
        long_mm: Its longer side.
        short_mm: The other.
    """

    name: str
    long_mm: float
    short_mm: float


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale that a text states.

    Attributes:
        ratio: Lengths in the building per length on paper, 1 or more: 100 for 1:100.
        text: Written in one form: ``1:100``, ``1/8" = 1'-0"``.
        paper: The paper for which it is meant, if the text says so.
    """

    ratio: float
    text: str
    paper: Paper | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What one line says of scales.

    Attributes:
        scales: Those that it states, without doubles.
        is_refusal: Says that nothing may be measured: ``N.T.S.``, ``SCALE: NONE``.
        is_deferral: Says that the scales stand elsewhere: ``AS NOTED``.
        has_label: The word for scale stands before the first of them, or instead of one.
    """

    scales: tuple[Scale, ...] = ()
    is_refusal: bool = False
    is_deferral: bool = False
    has_label: bool = False

    def __bool__(self) -> bool:
        """Whether it says anything but the word."""
        return bool(self.scales) or self.is_refusal or self.is_deferral


_SILENT = Note()

_LIKE_PAPER = 0.02  # sides of a page as shares of the paper that it is
_A_MM = (1189, 841, 594, 420, 297, 210, 148)
_PAPERS = {f"A{i}": Paper(f"A{i}", _A_MM[i], _A_MM[i + 1]) for i in range(6)}
_INCHES: dict[tuple[float, float], str] = {
    (11, 8.5): "ANSI A", (17, 11): "ANSI B", (22, 17): "ANSI C", (34, 22): "ANSI D",
    (44, 34): "ANSI E", (12, 9): "ARCH A", (18, 12): "ARCH B", (24, 18): "ARCH C",
    (36, 24): "ARCH D", (48, 36): "ARCH E", (42, 30): "ARCH E1",
}  # fmt: skip
_PAPERS |= {
    name: Paper(name, long * _MM_PER_INCH, short * _MM_PER_INCH)
    for (long, short), name in _INCHES.items()
}

# Without the word for scale a ratio is one only if drawings are drawn in it.
_USUAL: frozenset[int | str] = frozenset(
    (25, 33, 40, 48, 50, 64, 75, 96, 100, 125, 150, 192, 200, 250, 300, 384, 400, 500, 600, 750)
) | frozenset((1000, 1250, 1500, 2000, 2500, 5000, 10_000))
_USUAL_OF_VIEWS = _USUAL | {1, 2, 5, 10, 20, 30}  # under the title of a view
_LEAST_OF_FRACTION = 25  # 1/20 is the first of twenty sheets
_USUAL_INCHES = frozenset(  # that are a foot
    (1 / 64, 1 / 32, 3 / 64, 1 / 16, 3 / 32, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4)
) | frozenset((1.0, 1.5, 3.0, 6.0, 12.0))

_SIGNS = {
    **dict.fromkeys(map(ord, "″”“„‟˝〃"), '"'),
    **dict.fromkeys(map(ord, "′’‘‚‛`´ʹʼ"), "'"),
    **dict.fromkeys(map(ord, "–—−‐‑‒―"), "-"),
    **dict.fromkeys(map(ord, "∶：﹕"), ":"),
    **dict.fromkeys(map(ord, "⁄∕／"), "/"),
    **dict.fromkeys(map(ord, "＝≙≡"), "="),
    ord("×"): "x",
    ord("Ł"): "L",
    ord("ł"): "l",
    ord("ẞ"): "SS",
    ord("Ø"): "O",
    ord("ı"): "i",
}
_SIGNS |= {
    ord(sign): f" {text}"
    for sign, text in {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8",
                       "⅞": "7/8"}.items()
}  # fmt: skip

_LABELS = (
    "SCALES?|SKALA|SKALE|ESCALA|ESC|ECHELLE|ECH|MASSSTAB|MASZSTAB|MASSTAB|MITTAKAAVA|MK|MALESTOKK?"
    "|MALESTOKSFORHOLD|SCHAAL|SCALA|PODZIALKA|MERITKO|MIERKA|MERETARANY|OLCEK|MJERILO|MERILO|SC"
    "|МАСШТАБ"
)
_TOKEN = re.compile(
    rf"""
    (?P<never>\bDO[ ]NOT[ ]SCALE\b|\bDON'T[ ]SCALE\b|\bSCALE[ ]+(?:FROM|RULE|BAR)\b)
  | (?P<refusal>(?<![\w.])N\.?[ ]?T\.?[ ]?S(?!\w)|\bNOT[ ]TO[ ](?:ANY[ ])?SCALE\b|\bNO[ ]SCALE\b
      |\bEJ[ ](?:I[ ])?SKALA\b|\bEJ[ ]SKALENLIG|\bICKE[ ]SKALENLIG|\bOHNE[ ]MASSSTAB\b
      |\bNICHT[ ]MASSSTABLICH|\bUNMASSSTABLICH|\b(?:SANS|HORS)[ ]ECHELLE\b|\bSIN[ ]ESCALA\b
      |\bFUERA[ ]DE[ ]ESCALA\b|\bFUORI[ ]SCALA\b|\bEI[ ]MITTAKAAVASSA\b)
  | (?P<deferral>\bAS[ ](?:NOTED|SHOWN|INDICATED|STATED)\b|\bVARIES\b|\bVARIOUS\b
      |\bSEE[ ]DRAWINGS?\b
      |\bENL(?:IGT|\.)[ ]RITNING|\bWIE[ ]ANGEGEBEN\b|\bINDICADAS?\b|\bVARIABLE\b|\bDIVERSE\b)
  | (?P<none>(?<=[ :])NONE\b)
  | (?P<label>(?<!\w)(?:{_LABELS})\b)
  | (?P<slope>\b(?:SLOPED?|RAMP|RAMPE|FALL|LUTN|LUTNING|GEFALLE|NEIGUNG|PENTE|PENDIENTE|PENDENZA
      |KALTEVUUS|GRADIENT|PITCH|RISE|MIX|MORTAR|CEMENT|CONCRETE|RATIO|MORTEL|BRUK|BLANDNING
      |SCREED|GROUT)\b)
  | (?P<imperial>(?<![\w.,/:])(?<!\d-)(?<!\d[ ]-[ ])
      (?:(?:(?P<whole>\d{{1,2}})(?P<gap>[ ]?-[ ]?|[ ]))?(?P<over>\d{{1,2}})/(?P<under>\d{{1,3}})
        |(?P<inches>\d{{1,3}}(?:\.\d{{1,4}})?|\.\d{{1,4}}))
      [ ]?(?P<inch_sign>"|INCH(?:ES)?\b|IN\b\.?)?
      [ ]?(?:=|:|-|\bEQUALS?\b|\bTO\b|\bIS\b)[ ]?
      (?:(?P<feet>\d{{1,4}})[ ]?(?:'|FT\b\.?|FEET\b|FOOT\b)
          (?:[ ]?-?[ ]?(?P<more>\d{{1,2}})(?![\d/.])(?:[ ]?(?:"|INCH(?:ES)?\b|IN\b\.?))?)?
        |(?P<foot>1)[ ]?-[ ]?0(?![\d/.:-])[ ]?"?)
      (?![\d/]))
  | (?P<metric>(?P<tag>(?<!\w)(?:M|S|SC|MK|SKALA|SCALE|ECH|ESC)[.:=]?[ ]?[.:=]?[ ]?)?
      (?<![\d.,:/'])(?<!\d-)(?:(?<!\w)|(?<=[A-Z]))1[ ]?(?P<sign>[:/])[ ]?
      (?P<ratio>\d{{1,3}}[ .,']\d{{3}}(?!\d)|\d{{1,6}})
      (?![\d%])(?![.,:/]\d)(?![ ]?[AP]\.?M\b)(?![ ]?(?:"|'|IN\b|MM\b)))
  | (?P<paper>(?<![\w.\-])(?:ISO[ ]?|DIN[ ]?)?
      (?:A(?![ ]\d[ ]?[:/][ ]?\d)[ ]?(?P<iso>[0-5])L?|(?P<us>(?:ARCH|ANSI)[ ]?(?:E1|[A-E])))
      (?![\w]|[.\-]\d)
    |(?<![\w.,/:])(?P<side>\d{{1,2}}(?:\.5)?)[ ]?"?[ ]?X[ ]?
      (?P<other>\d{{1,2}}(?:\.5)?)[ ]?"?(?![\w.,/:]))
    """,
    re.VERBOSE,
)
_HINT = re.compile(
    r"1 ?[:/∶：]|[=\"″”½¼⅛⅜¾]|''|''|NTS|N\.? ?T\.? ?S|"
    r"S[CK]A|ESC|ECH|ÉCH|MA(?:SS|ß|ẞ|SZ|ST)|MITTA|MK|M[ÅA]LE|SCHAAL|PODZ|M[ĚE]|MIER|MÉR|[ÖO]L[ÇC]"
    r"|МАС|FOOT|FEET|NOTED|SHOWN|INDIC|VARI",
    re.IGNORECASE,
)
_VIEW = re.compile(
    r"\b(?:PLAN|PLANS|PLANE?N?|FLOOR|LEVEL|SECTION|ELEVATION|DETAIL|DETALJ|SEKTION|FASAD|GRUNDRISS"
    r"|SCHNITT|ANSICHT|PLANTA|COUPE|FACADE|ETAGE|RDC|POHJA|LEIKKAUS|VANING|PIANTA|KAT|SITE)\b"
)
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{2,4}")
_BETWEEN = re.compile(
    r"(?:[ @()\[\]/,;:=-]|\b(?:AT|PA|BEI|EN|IN|SUR|FOR|ON|I|FORMAT|SIZE|FULL|ORIGINAL|PAPER|SHEET"
    r"|WHEN|PRINTED|IF|OF)\b)*"
)
_AFTER_LABEL = re.compile(r"[ .:=()\[\]/@-]*")


def read_note(text: str) -> Note:
    """Return what a line says of scales.

    Args:
        text: One line; of a longer one the first 400 characters are read.
    """
    if not _HINT.search(text := text[:LONGEST]):
        return _SILENT
    plain = plain_text(text)
    reading = _Reading(plain)
    tokens = list(_TOKEN.finditer(plain))
    for token in tokens:
        reading.take(token)
    if any(token.lastgroup == "never" for token in tokens):
        return _SILENT
    papers = [token for token in tokens if token.lastgroup == "paper"]
    scales = _with_papers(reading.found, papers, plain)
    return Note(
        scales,
        reading.is_refusal and not scales,
        reading.is_deferral and not scales,
        reading.has_label,
    )


class _Reading:
    """What the words and numbers of a line say together, taken one after the other."""

    def __init__(self, plain: str) -> None:
        self.found: list[tuple[re.Match[str], Scale]] = []
        self.is_refusal = self.is_deferral = self.has_label = False
        self._plain = plain
        self._usual = _usual(plain)
        self._is_slope = False
        self._end_of_label: int | None = None  # signs and papers may follow it, then its value

    def take(self, token: re.Match[str]) -> None:
        """Take the next token."""
        end = self._end_of_label
        is_labeled = end is not None and _is_next(self._plain[end : token.start()])
        match token.lastgroup:
            case "label":
                self._end_of_label = token.end()
                self.has_label = self.has_label or not self.found
            case "slope":
                self._is_slope = True
            case "refusal":
                self.is_refusal = True
            case "none":
                self.is_refusal = self.is_refusal or is_labeled
            case "deferral":
                is_all = self._plain == token[0]
                self.is_deferral = self.is_deferral or is_labeled or is_all
            case "paper" if is_labeled:
                self._end_of_label = token.end()
            case "imperial" | "metric":
                self._take_scale(token, is_labeled=is_labeled)

    def _take_scale(self, token: re.Match[str], *, is_labeled: bool) -> None:
        scale = _scale(token, self._usual, is_labeled=is_labeled)
        if scale is None or (self._is_slope and not is_labeled):
            return
        self.found.append((token, scale))
        self.has_label = self.has_label or is_labeled or bool(token["tag"])
        if is_labeled:
            self._end_of_label = token.end()


def parse_scale(text: str) -> Scale | None:
    """Return the one scale that a line states, or none: it states none, or several."""
    scales = read_note(text).scales
    return scales[0] if len(scales) == 1 else None


def asked_scale(text: str) -> Scale:
    """Return the scale that a request states: one, and nothing beside it.

    Raises:
        ValueError: It is none; the message says which forms are allowed.
    """
    if len(text) > _LONGEST_ASKED:
        raise ValueError(f"scale must look like {FORMS}.")
    plain = plain_text(text)
    kinds = [token.lastgroup for token in _TOKEN.finditer(f"SCALE {plain}")]
    is_plain = set(kinds) <= {"label", "imperial", "metric", "paper"} and kinds.count("paper") <= 1
    if is_plain and (scale := parse_scale(f"SCALE {plain}")) is not None:
        rest = _TOKEN.sub("", f"SCALE {plain}")
        if not rest.strip(" @()"):
            return scale
    raise ValueError(f"scale must look like {FORMS}.")


def is_label(text: str) -> bool:
    """Return whether a line is nothing but the word for scale, whose value stands beside it."""
    if len(text) > _LONGEST_LABEL or not _HINT.search(text):
        return False
    plain = plain_text(text)
    token = _TOKEN.match(plain)
    if token is None or token.lastgroup != "label":
        return False
    return not plain[token.end() :].strip(" .:=")


def is_paper(wh_pt: tuple[float, float]) -> bool:
    """Return whether a page has the size of paper, give or take 2 % of its sides.

    Args:
        wh_pt: Its sides in points (1/72 inch).
    """
    short_mm, long_mm = sorted(side * _MM_PER_INCH / 72 for side in wh_pt)
    return any(
        abs(long_mm / paper.long_mm - 1) <= _LIKE_PAPER
        and abs(short_mm / paper.short_mm - 1) <= _LIKE_PAPER
        for paper in _PAPERS.values()
    )


def plain_text(text: str) -> str:
    """Return a line in capitals without accents, with plain signs and single spaces."""
    text = unicodedata.normalize("NFD", text.translate(_SIGNS)).upper()
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(text.replace("''", '"').split())


def _is_next(between: str) -> bool:
    return _AFTER_LABEL.fullmatch(between) is not None


def _usual(plain: str) -> frozenset[int | str]:
    """Return the ratios that are scales in a line without the word for it, as whole numbers.

    The sign ``/`` is among them where a ratio may be written with it.
    """
    if _VIEW.search(plain):
        return _USUAL_OF_VIEWS | {"/"}
    return _USUAL - {25, 33, 40, 48, 50} if _DATE.search(plain) else _USUAL  # times of the day


def _scale(token: re.Match[str], usual: frozenset[int | str], *, is_labeled: bool) -> Scale | None:
    """Return the scale of a token, or none if it is none where it stands."""
    if token["imperial"]:
        return _imperial(token, is_labeled=is_labeled)
    digits = token["ratio"]
    whole = int(re.sub(r"\D", "", digits))
    if " " in digits and whole not in _USUAL:
        whole = int(digits.split(" ")[0])
    if digits[0] == "0" or not 1 <= whole <= _MOST:
        return None
    if not (is_labeled or token["tag"]):
        if whole not in usual:
            return None
        if token["sign"] == "/" and (whole < _LEAST_OF_FRACTION or "/" not in usual):
            return None
    return Scale(float(whole), f"1:{whole}")


def _imperial(token: re.Match[str], *, is_labeled: bool) -> Scale | None:
    feet = float(token["feet"] or token["foot"]) + float(token["more"] or 0) / 12
    if token["inches"]:
        if not token["inch_sign"]:
            return None  # 1 = 20' might be anything
        inches, text = float(token["inches"]), token["inches"].lstrip("0") or "0"
    else:
        under = int(token["under"])
        if under == 0:
            return None
        inches, text = int(token["over"]) / under, f"{token['over']}/{token['under']}"
        whole = int(token["whole"] or 0)
        if whole and (token["gap"] != " " or (whole + inches) / (feet or 1) in _USUAL_INCHES):
            inches, text = whole + inches, f"{whole}-{text}"
        if not (token["inch_sign"] or token["feet"] or is_labeled):
            return None
    if inches <= 0 or feet <= 0:
        return None
    ratio = feet * 12 / inches
    is_usual = inches / feet in _USUAL_INCHES or (inches == 1 and feet % 5 == 0)
    if not 1 <= ratio <= _MOST or not (is_usual or is_labeled):
        return None
    return Scale(ratio, f'{text}" = {int(token["feet"] or 1)}\'-{int(token["more"] or 0)}"')


# -- papers -----------------------------------------------------------------------------------


def _with_papers(
    found: list[tuple[re.Match[str], Scale]], papers: list[re.Match[str]], plain: str
) -> tuple[Scale, ...]:
    """Return the scales, each with the paper that stands next to it, before or behind.

    A line that starts with a paper has papers before their scales, another one behind them.
    """
    known = [(match, paper) for match in papers if (paper := _paper(match)) is not None]
    is_before = bool(known and found and known[0][0].start() < found[0][0].start())
    scales: list[Scale] = []
    for token, scale in found:
        paper = None
        for match, candidate in known:
            first, second = (match, token) if is_before else (token, match)
            between = plain[first.end() : max(second.start(), first.end())]
            if first.end() <= second.start() and _BETWEEN.fullmatch(between):
                paper = candidate
        stated = Scale(scale.ratio, scale.text, paper)
        if stated not in scales:
            scales.append(stated)
    return tuple(scales)


def _paper(match: re.Match[str]) -> Paper | None:
    if match["iso"]:
        return _PAPERS[f"A{match['iso']}"]
    if match["us"]:
        kind, size = match["us"][:4], match["us"][4:].strip()
        return _PAPERS.get(f"{kind} {size}")
    sides = sorted((float(match["side"]), float(match["other"])), reverse=True)
    name = _INCHES.get((sides[0], sides[1]))
    return _PAPERS[name] if name else None
