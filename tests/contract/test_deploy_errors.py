# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a user reads when something goes wrong with AWS."""

from __future__ import annotations

import pytest

from deploy.aws.advice import RULES, Rule
from deploy.aws.states import next_step_in
from tests.contract.account_setup import run
from tests.contract.aws_failures import CASES, CREDENTIALS, REGION, STATES
from tests.contract.aws_messages import messages
from tests.contract.aws_server import REQUEST_ID, Answer, serve_aws
from tests.contract.test_aws import SESSION
from tests.tables import aws_errors, shown

SAGEMAKER = SESSION.get_service_model("sagemaker")


@pytest.fixture(scope="module")
def by_area() -> dict[str, dict[str, str]]:
    """All messages; each failure is made to happen once."""
    return messages()


@pytest.fixture(scope="module")
def by_title(by_area: dict[str, dict[str, str]]) -> dict[str, str]:
    """The same without areas; no title comes twice."""
    found = {title: text for texts in by_area.values() for title, text in texts.items()}
    assert len(found) == sum(len(cases) for cases in CASES.values()) + len(STATES)
    return found


def test_every_message_says_what_to_do(by_title: dict[str, str]) -> None:
    """Except where the container refuses a file and says itself what is wrong with it."""
    silent = [title for title, message in by_title.items() if "\nNext: " not in message]

    assert silent == ["The container refuses the file"]
    assert "{" not in "".join(by_title[title] for title in STATES)


def test_every_answer_of_aws_can_be_traced(by_title: dict[str, str]) -> None:
    """By the id of its request, for AWS's support."""
    answered = [case.title for cases in CASES.values() for case in cases if case.answer]

    assert len(answered) > 30
    assert [title for title in answered if f"[request {REQUEST_ID}]" not in by_title[title]] == []


def test_messages_are_documented(by_area: dict[str, dict[str, str]]) -> None:
    """docs/deploy-errors.md shows them."""
    assert aws_errors(by_area) == shown("deploy-errors.md", "messages")


def test_every_state_is_known() -> None:
    """Each has advice of its own but the one in which an endpoint serves."""
    states = SAGEMAKER.shape_for("EndpointStatus").metadata["enum"]
    advice = {state: next_step_in(state) for state in states}

    assert [state for state, text in advice.items() if not text] == ["InService"]
    assert not any("not known here" in text for text in advice.values())
    assert "not known here" in next_step_in("Dreaming")


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_what_aws_says_is_shown_and_not_obeyed(debug: tuple[str, ...]) -> None:
    """A message may name what others have named, and a terminal obeys control characters."""
    hostile = "no \x1b]0;gone\x07\x1b[2J\x9b2J\u202e"
    with serve_aws([Answer(400, "ValidationException", hostile)]) as url:
        command = ["status", "--region", REGION, "--endpoint-url", url, *debug]
        status, out, err = run(command, CREDENTIALS)

    assert status == 1
    assert "no \\u001b]0;gone\\u0007\\u001b[2J\\u009b2J\\u202e" in err
    assert not set("\x1b\x07\x9b\u202e") & set(out + err)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.wording or min(rule.codes))
def test_no_rule_is_hidden_by_an_earlier_one(rule: Rule) -> None:
    """A rule for any wording ends what later rules could say of its codes."""
    earlier = RULES[: RULES.index(rule)]
    ended = {code for other in earlier if not other.wording for code in other.codes}

    assert not rule.codes or rule.codes - ended
