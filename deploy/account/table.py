# SPDX-License-Identifier: AGPL-3.0-or-later
"""All checks of `doctor`, in their order."""

from __future__ import annotations

from deploy.account import checks_image, checks_model, checks_role, checks_setup, checks_store
from deploy.account import checks_permissions as permissions
from deploy.account import checks_quotas as quotas
from deploy.account.diagnosis import Check

_ACCOUNT = ("packages", "configuration", "region", "credentials")

CHECKS = (
    Check("packages", "boto3 and PyYAML are installed", checks_setup.check_packages),
    Check(
        "configuration",
        "the endpoint's configuration can be read",
        checks_setup.check_configuration,
        ("packages",),
    ),
    Check("region", "a region is named", checks_setup.check_region, ("packages",)),
    Check(
        "credentials",
        "whose credentials these are, and of which account",
        checks_setup.check_credentials,
        ("region",),
    ),
    Check(
        "permissions",
        "who deploys may do what `python -m deploy` does",
        permissions.check_permissions,
        _ACCOUNT,
    ),
    Check("bucket", "region, access and versions", checks_store.check_bucket, _ACCOUNT),
    Check("repository", "it is there, tags stay", checks_store.check_repository, _ACCOUNT),
    Check(
        "image",
        "SageMaker takes its manifest and platform",
        checks_image.check_image,
        (*_ACCOUNT, "repository"),
    ),
    Check("role", "it is there, and SageMaker may assume it", checks_role.check_role, _ACCOUNT),
    Check(
        "role-permissions",
        "it may read model and image",
        permissions.check_role,
        (*_ACCOUNT, "role"),
    ),
    Check("archive", "what would be deployed", checks_model.check_archive, ("configuration",)),
    Check("model", "what is deployed is intact", checks_model.check_model, _ACCOUNT),
    Check("quotas", "the account may have what is wanted", quotas.check_quotas, _ACCOUNT),
    Check("endpoint", "how it is, and why", checks_model.check_endpoint, _ACCOUNT),
)
