# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which addresses are read, and above all which are not."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.errors import ConfigError, ValidationError
from roomdet.s3_address import AllowList, S3Address

ALLOWED = AllowList.parse("s3://bucket/plans/ s3://other-bucket.eu/")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket/plans/a.png", S3Address("bucket", "plans/a.png")),
        ("s3://bucket/plans/2026/EG_1-2.pdf", S3Address("bucket", "plans/2026/EG_1-2.pdf")),
        ("s3://bucket/plans/A!-_.*'()9", S3Address("bucket", "plans/A!-_.*'()9")),
        ("s3://bucket/plans/...", S3Address("bucket", "plans/...")),
        ("s3://bucket/plans/.hidden", S3Address("bucket", "plans/.hidden")),
        ("s3://bucket/plans/a..b", S3Address("bucket", "plans/a..b")),
        ("s3://bucket/plans/" + "k" * 1018, S3Address("bucket", "plans/" + "k" * 1018)),
        ("s3://other-bucket.eu/a", S3Address("other-bucket.eu", "a")),
        ("s3://other-bucket.eu/plans/a", S3Address("other-bucket.eu", "plans/a")),
    ],
)
def test_what_begins_with_a_prefix_is_read_as_it_stands(url: str, address: S3Address) -> None:
    """Bucket and key are the parts of the address, letter by letter."""
    assert address == ALLOWED.admit(url)


REFUSED = {
    "http": "http://bucket/plans/a.png",
    "https": "https://bucket.s3.amazonaws.com/plans/a.png",
    "metadata": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "metadata as a bucket": "s3://169.254.169.254/latest/meta-data",
    "metadata of containers": "http://169.254.170.2/v2/credentials",
    "file": "file:///etc/passwd",
    "path": "/etc/passwd",
    "ftp": "ftp://bucket/plans/a.png",
    "data": "data:image/png;base64,iVBORw0KGgo=",
    "no scheme": "bucket/plans/a.png",
    "no slashes": "s3:bucket/plans/a.png",
    "one slash": "s3:/bucket/plans/a.png",
    "three slashes": "s3:///bucket/plans/a.png",
    "capital scheme": "S3://bucket/plans/a.png",
    "scheme s3a": "s3a://bucket/plans/a.png",
    "scheme twice": "s3://s3://bucket/plans/a.png",
    "backslashes": "s3:\\\\bucket\\plans\\a.png",
    "nothing": "",
    "scheme alone": "s3://",
    "bucket alone": "s3://bucket",
    "bucket and slash": "s3://bucket/",
    "prefix alone": "s3://bucket/plans/",
    "prefix without slash": "s3://bucket/plans",
    "no key in a free bucket": "s3://other-bucket.eu/",
    "other bucket": "s3://another/plans/a.png",
    "longer bucket": "s3://bucket2/plans/a.png",
    "host around the bucket": "s3://bucket.evil.example/plans/a.png",
    "capital bucket": "s3://Bucket/plans/a.png",
    "short bucket": "s3://bu/plans/a.png",
    "underscore in bucket": "s3://buck_et/plans/a.png",
    "other prefix": "s3://bucket/secret/a.png",
    "longer prefix": "s3://bucket/plans-evil/a.png",
    "prefix in capitals": "s3://bucket/Plans/a.png",
    "prefix further in": "s3://bucket/x/plans/a.png",
    "dots": "s3://bucket/plans/../secret/a.png",
    "dots at the end": "s3://bucket/plans/..",
    "dots at the start": "s3://bucket/../bucket/plans/a.png",
    "a dot": "s3://bucket/plans/./a.png",
    "a dot at the end": "s3://bucket/plans/.",
    "empty part": "s3://bucket/plans//a.png",
    "empty first part": "s3://bucket//plans/a.png",
    "empty last part": "s3://bucket/plans/a/",
    "encoded dots": "s3://bucket/plans/%2e%2e/secret/a.png",
    "encoded slash": "s3://bucket/plans%2Fa.png",
    "encoded twice": "s3://bucket/plans/%252e%252e/a.png",
    "wide dots": "s3://bucket/plans/\uff0e\uff0e/secret/a.png",
    "division slash": "s3://bucket/plans\u2215a.png",
    "cyrillic letter": "s3://bucket/pl\u0430ns/a.png",
    "long s": "s3://bucket/plan\u017f/a.png",
    "wide digit in scheme": "s\uff13://bucket/plans/a.png",
    "arabic digit": "s3://bucket/plans/\u0661.png",
    "umlaut": "s3://bucket/plans/Grundri\u00df.png",
    "half a surrogate": "s3://bucket/plans/\ud800.png",
    "user": "s3://user@bucket/plans/a.png",
    "user and password": "s3://user:word@bucket/plans/a.png",
    "bucket as user": "s3://bucket@evil.example/plans/a.png",
    "port": "s3://bucket:443/plans/a.png",
    "query": "s3://bucket/plans/a.png?versionId=1",
    "fragment": "s3://bucket/plans/a.png#page=2",
    "parameters": "s3://bucket/plans/a.png;x=1",
    "space": "s3://bucket/plans/a b.png",
    "space before": " s3://bucket/plans/a.png",
    "space after": "s3://bucket/plans/a.png ",
    "line break after": "s3://bucket/plans/a.png\n",
    "line break inside": "s3://bucket/plans/a\r\nHost: evil.png",
    "tab": "s3://bucket/plans/\ta.png",
    "zero byte": "s3://bucket/plans/a.png\x00",
    "delete": "s3://bucket/plans/a\x7f.png",
    "zero width": "s3://bucket/plans/a\u200b.png",
    "backslash": "s3://bucket/plans/..\\a.png",
    "ARN": "arn:aws:s3:::bucket/plans/a.png",
    "ARN as bucket": "s3://arn:aws:s3:eu-central-1:123456789012:accesspoint/mine/plans/a.png",
    "alias of an access point": "s3://mine-abc123-s3alias/plans/a.png",
    "directory bucket": "s3://bucket--euc1-az1--x-s3/plans/a.png",
    "object lambda": "s3://bucket--ol-s3/plans/a.png",
    "two dots in bucket": "s3://buc..ket/plans/a.png",
    "long key": "s3://bucket/plans/" + "k" * 1019,
    "two addresses": "s3://bucket/plans/a.png,s3://bucket/plans/b.png",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused(url: str) -> None:
    """With an error of the caller's, which does not name what is allowed."""
    with pytest.raises(ValidationError) as caught:
        ALLOWED.admit(url)

    assert "plans" not in str(caught.value)
    assert "other-bucket" not in str(caught.value)
    assert caught.value.details == {}


@pytest.mark.parametrize("url", [None, 5, True, ["s3://bucket/plans/a"], {"s3": 1}, b"s3://"])
def test_an_address_is_a_text(url: object) -> None:
    """JSON has other values."""
    with pytest.raises(ValidationError, match="must be a text"):
        ALLOWED.admit(url)


def test_an_address_of_a_million_parts_is_refused_in_little_memory() -> None:
    """The pattern keeps 100 bytes of each."""
    url = "s3://bucket/" + "a/" * 4_000_000 + "b"
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        ValidationError, match="image_url has 8,000,013 characters; a key has 1,024"
    ):
        AllowList.parse("s3://bucket/").admit(url)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 60_000


@pytest.mark.parametrize("url", ["s3://bucket/plans/a.png", "nonsense", None])
def test_without_a_setting_it_is_switched_off(url: object) -> None:
    """Whatever is asked for, the answer says so."""
    with pytest.raises(ValidationError, match="switched off"):
        AllowList().admit(url)


PARTS = st.sampled_from(
    [
        *("s3://", "S3://", "http://", "bucket", "other-bucket.eu", "evil", "/", "//", "plans"),
        *(".", "..", "%2e", "%2F", "@", ":", "?", "#", "\\", "*", "\uff0e", "a.png", "-evil"),
        *(" ", "\n", "\x00"),
    ]
)
TAILS = st.lists(PARTS, max_size=12).map("".join)


@given(st.one_of(st.text(), TAILS, TAILS.map("s3://bucket/plans/".__add__)))
def test_whatever_is_read_begins_with_a_prefix(url: str) -> None:
    """And what is asked of S3 is what was sent."""
    try:
        address = ALLOWED.admit(url)
    except ValidationError:
        return
    assert url.startswith(ALLOWED.prefixes)
    assert url == f"s3://{address.bucket}/{address.key}"
    assert not {"", ".", ".."} & set(address.key.split("/"))
    assert url.isascii()
    assert url.isprintable()


@given(st.lists(st.sampled_from(["a.png", "x", "..b", "c-d", "(1)"]), min_size=1, max_size=6))
def test_whatever_lies_below_a_prefix_is_read(parts: list[str]) -> None:
    """However deep."""
    key = "plans/" + "/".join(parts)

    assert S3Address("bucket", key) == ALLOWED.admit(f"s3://bucket/{key}")


def test_prefixes_have_white_space_between_them() -> None:
    """Any; an empty text allows nothing."""
    assert AllowList.parse(" s3://a-b/\n s3://c.d/e/ ").prefixes == ("s3://a-b/", "s3://c.d/e/")
    assert AllowList.parse(" ") == AllowList()


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket",
        "s3://bucket/plans",
        "s3://bucket/plans/ s3://bucket/more",
        "s3://bucket/plans/,s3://other/",
        "s3://",
        "s3:///",
        "s3://*/",
        "*",
        "s3://bucket//",
        "s3://bucket/../",
        "s3://bucket/plans/./",
        "s3://Bucket/",
        "s3://192.168.0.1/",
        "s3://bu/",
        "s3://xn--bucket/",
        "s3://mine-s3alias/",
        "s3://bucket--euc1-az1--x-s3/",
        "s3://bucket/pl%61ns/",
        "s3://bucket/Pläne/",
        "S3://bucket/",
        "https://bucket/",
        "arn:aws:s3:::bucket/",
    ],
)
def test_a_malformed_prefix_is_the_operators_error(text: str) -> None:
    """A prefix without its slash would also allow what only begins like it."""
    with pytest.raises(ConfigError, match=r"ROOMDET_IMAGE_URL_PREFIXES has .*s3://bucket/prefix/"):
        AllowList.parse(text)
