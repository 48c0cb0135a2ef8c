# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses of objects in S3, and which of them a server may read.

An address is taken letter by letter: nothing in it is decoded, normalized or completed, so what was
allowed is what is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from roomdet.errors import ConfigError, ValidationError

# A bucket as S3's naming rules have it; hosts, ARNs and IP addresses are none. Names
# that end like those of the last line are access points, directory buckets and table buckets.
_BUCKET = (
    r"(?!xn--|sthree-|amzn-s3-demo-|[0-9]+(?:\.[0-9]+){3}/)"
    r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]"
    r"(?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)(?<!--table-s3)"
)
# The characters that S3's guidelines for keys call safe. A part may be neither empty nor one or two
# dots: proxies and some servers take such parts away, and would leave the prefix.
_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9!_.*'()-]+"
URL_PATTERN = f"s3://{_BUCKET}(?:/{_PART})+"
_URL = re.compile(URL_PATTERN)
_PREFIX = re.compile(f"s3://{_BUCKET}/(?:{_PART}/)*")
# Source: Amazon S3 User Guide, "Naming Amazon S3 objects": at most 1,024 bytes.
MAX_KEY_CHARS = 1024
_MOST_CHARS = 2 * MAX_KEY_CHARS  # of an address that is looked at: the pattern keeps each part
VARIABLE = "ROOMDET_IMAGE_URL_PREFIXES"


@dataclass(frozen=True, slots=True)
class S3Address:
    """An object that may be read."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class AllowList:
    """What a server may read; nothing, unless its operator says otherwise.

    Attributes:
        prefixes: Each such as ``s3://bucket/`` or ``s3://bucket/plans/``; an address that starts
            with one of them, letter by letter, is allowed.
    """

    prefixes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> AllowList:
        """Read prefixes with white space between them.

        Raises:
            ConfigError: If one is malformed.
        """
        prefixes = tuple(text.split())
        for prefix in prefixes:
            if not _PREFIX.fullmatch(prefix):
                raise ConfigError(
                    f"{VARIABLE} has {prefix!r}; allowed: s3://bucket/ or s3://bucket/prefix/, "
                    "with the slash at the end and in the characters of docs/api.md; several with "
                    "spaces between them"
                )
        return cls(prefixes)

    def admit(self, url: object) -> S3Address:
        """The object that a caller names, if it may be read.

        Raises:
            ValidationError: If it may not; the message does not tell what may.
        """
        if not self.prefixes:
            raise ValidationError(
                "image_url is switched off on this server; send the file itself, or ask the "
                f"server's operator to allow a bucket and prefix with {VARIABLE}"
            )
        if isinstance(url, str) and url.startswith("s3://") and len(url) > _MOST_CHARS:
            raise ValidationError(
                f"image_url has {len(url):,} characters; a key has {MAX_KEY_CHARS:,} at most"
            )
        if not isinstance(url, str) or not _URL.fullmatch(url):
            raise ValidationError(
                "image_url must be a text that reads s3://bucket/key, in lower case up to the key, "
                "the key with letters and digits of ASCII and / ! - _ . * ' ( ) only, without an "
                "empty part and without . or .. as a part; nothing else is fetched"
            )
        bucket, _, key = url.removeprefix("s3://").partition("/")
        if len(key) > MAX_KEY_CHARS:
            raise ValidationError(
                f"the key of image_url has {len(key):,} characters; the limit is {MAX_KEY_CHARS:,}"
            )
        if not url.startswith(self.prefixes):
            raise ValidationError(
                "this server may not read that image_url; ask its operator which buckets and "
                f"prefixes {VARIABLE} allows"
            )
        return S3Address(bucket, key)
