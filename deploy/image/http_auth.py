# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a registry's ``WWW-Authenticate`` asks for.

Source: distribution/distribution, docs/spec/auth/token.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from deploy.errors import AccessDenied

_TOKEN = re.compile(r"[\x21-\x7e]+")
_PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"|(\w+)=([^\s,"]+)')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What has to be shown to a registry.

    Attributes:
        scheme: ``basic`` or ``bearer``.
        realm: Of ``bearer``: where a token is got.
        service: Of ``bearer``: for whom.
        scope: Of ``bearer``: what for.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """Read a ``WWW-Authenticate`` header; None if it is of no known kind."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() not in {"basic", "bearer"}:
        return None
    found = {
        (match[1] or match[3]).lower(): re.sub(r"\\(.)", r"\1", match[2] or match[4] or "")
        for match in _PARAMETER.finditer(rest)
    }
    return Challenge(
        scheme.lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", "")
    )


def token_url(challenge: Challenge, scope: str, *, is_plain_allowed: bool) -> str:
    """Where a token is asked for.

    Args:
        challenge: The registry's.
        scope: What is needed, if the registry does not say it.
        is_plain_allowed: The registry itself is asked without TLS.

    Raises:
        AccessDenied: If the realm is no address to which a password may go.
    """
    parts = urlsplit(challenge.realm)
    if parts.scheme not in ({"http", "https"} if is_plain_allowed else {"https"}):
        raise AccessDenied(f"the registry sends for a token to {challenge.realm!r}; https is taken")
    query = {"service": challenge.service} if challenge.service else {}
    query["scope"] = scope or challenge.scope
    joint = "&" if parts.query else "?"
    return f"{challenge.realm}{joint}{urlencode(query)}"


def parse_token(body: bytes) -> str:
    """The token of an answer.

    Raises:
        AccessDenied: If there is none.
    """
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError, RecursionError) as err:
        raise AccessDenied("the registry's token service answers no JSON object") from err
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise AccessDenied("the registry's token service gives no token that fits a header")
    return token
