# SPDX-License-Identifier: AGPL-3.0-or-later
"""Connections: time-outs, certificates, proxies, and urllib3's errors as ours."""

from __future__ import annotations

import ssl
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from deploy.errors import RegistryUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10.0, 60.0


def make_pool(url: str, ca_file: str | None) -> urllib3.PoolManager:
    """Connections to a host, through the environment's proxy where it names one.

    Args:
        url: An address there.
        ca_file: Certificates to trust in the place of the system's.
    """
    timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
    # Only that no connection came about is tried again: nothing was sent then.
    retries = urllib3.Retry(total=2, connect=2, read=0, redirect=0, status=0, other=0)
    context = ssl.create_default_context(cafile=ca_file)
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, timeout=timeout, retries=retries, ssl_context=context)
    return urllib3.PoolManager(timeout=timeout, retries=retries, ssl_context=context)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise urllib3's errors as ours.

    Raises:
        RegistryUnreachable: If no answer came.
    """
    try:
        yield
    except urllib3.exceptions.HTTPError as err:
        reason = getattr(err, "reason", None) or err
        raise RegistryUnreachable(f"no answer from {where}: {reason}") from err
