# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether the account may use what an endpoint wants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sagemaker_local.records import CONFIG
from sagemaker_local.refusal import over_quota

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sagemaker_local.backend import Quotas
    from sagemaker_local.records import Record, Region

_CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"


def check_quotas(quotas: Quotas, region: Region, config: Record, *, name: str = "") -> None:
    """Refuse what is more than the account has.

    Args:
        quotas: What it has.
        region: What there is already.
        config: What comes.
        name: Of the endpoint that is updated. The instances of its two sides run at once, whereas
            its concurrency is only counted once.

    Raises:
        Refusal: If it is too much.
    """
    used = Counter[str]()
    for endpoint in region.endpoints.values():
        in_use = _variants(region, endpoint.config) + _variants(region, endpoint.coming_config)
        for kind, count in _usage(in_use):
            if endpoint.name != name or kind != _CONCURRENCY:
                used[kind] += count
    asked = Counter[str]()
    for kind, count in _usage(config.params["ProductionVariants"]):
        asked[kind] += count
    for kind, count in asked.items():
        is_concurrency = kind == _CONCURRENCY
        limit = quotas.serverless_concurrency if is_concurrency else quotas.instances.get(kind)
        if limit is not None and used[kind] + count > limit:
            what = kind if is_concurrency else f"{kind} for endpoint usage"
            unit = "Units" if is_concurrency else "Instances"
            raise over_quota(what, unit, limit, used[kind], count)


def _variants(region: Region, config: str) -> list[Mapping[str, Any]]:
    record = region.records[CONFIG].get(config)
    return record.params["ProductionVariants"] if record else []


def _usage(variants: list[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for variant in variants:
        if "ServerlessConfig" in variant:
            yield _CONCURRENCY, variant["ServerlessConfig"]["MaxConcurrency"]
        else:
            yield variant["InstanceType"], variant["InitialInstanceCount"]
