# SPDX-License-Identifier: AGPL-3.0-or-later
"""tests/iam.py decides as IAM's own documents say, and says so where it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam import ALLOWED, DENIED, NOTHING, decide, matches


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A statement about one object, or about what is said."""
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/a", **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("expected", "policies"),
    [
        pytest.param(NOTHING, [], id="no policy"),
        pytest.param(ALLOWED, [document(statement())], id="one allows"),
        pytest.param(ALLOWED, [document(statement(Action="S3:getobject"))], id="letters"),
        pytest.param(ALLOWED, [document(statement(Action=["s3:Get*"]))], id="a wildcard"),
        pytest.param(NOTHING, [document(statement(Resource="arn:aws:s3:::b/A"))], id="an ARN's"),
        pytest.param(NOTHING, [document(statement(Resource="arn:aws:s3:::b"))], id="bucket alone"),
        pytest.param(
            DENIED, [document(statement()), document(statement("Deny", Action="*", Resource="*"))],
            id="a deny anywhere wins",
        ),
        pytest.param(
            ALLOWED,
            [document(statement(), statement("Deny", Condition={"Bool": {"k": "false"}}))],
            id="a deny whose key is not there",
        ),
    ],
)  # fmt: skip
def test_decisions(expected: str, policies: list[dict[str, Any]]) -> None:
    """Nothing is allowed that nothing allows, and a deny wins."""
    assert expected == decide(policies, "s3:GetObject", "arn:aws:s3:::b/a")


@pytest.mark.parametrize(
    ("expected", "condition", "context"),
    [
        (ALLOWED, {"StringEquals": {"k": ["a", "b"]}}, {"K": "b"}),
        (NOTHING, {"StringEquals": {"k": "a*"}}, {"k": "ab"}),
        (ALLOWED, {"StringLike": {"k": "a*"}}, {"k": "ab"}),
        (NOTHING, {"StringLike": {"k": "a*"}}, {}),
        (ALLOWED, {"Bool": {"k": "True"}}, {"k": "true"}),
        (NOTHING, {"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "false"}),
    ],
)
def test_conditions(expected: str, condition: dict[str, Any], context: dict[str, str]) -> None:
    """All must hold; of several values one is enough; a key that is not there holds nothing."""
    policy = document(statement(Condition=condition))

    assert expected == decide([policy], "s3:GetObject", "arn:aws:s3:::b/a", context)


@pytest.mark.parametrize(
    "odd",
    [
        {"NotAction": "s3:*"},
        {"NotResource": "*"},
        {"Condition": {"NumericLessThan": {"k": "1"}}},
        {"Resource": "arn:aws:s3:::${aws:username}"},
    ],
)
def test_what_is_not_decided_is_no_answer(odd: dict[str, Any]) -> None:
    """Rather an error than a guess."""
    with pytest.raises(NotImplementedError):
        decide([document(statement(**odd))], "s3:GetObject", "arn:aws:s3:::b/a", {"k": "1"})


def test_patterns() -> None:
    """``*`` is any text, ``?`` one character, all else itself."""
    assert matches("a*c?", "abbcd")
    assert not matches("a.c", "abc")
    assert not matches("a", "ab")
