# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an empty account needs before anything can be deployed, as calls that are left to make.

Each call is left out where what it makes is there, so a run that was stopped goes on where it
ended. Nothing that exists is weakened, and nothing that is not ours is touched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.account import desired_state, policies
from deploy.account.desired_state import BOOTSTRAP_TAG, INLINE_POLICY
from deploy.account.reading import Found, read_bucket, read_repository, read_role
from deploy.aws.errors import AwsDenied
from deploy.endpoint.actions import ApiCall
from deploy.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.account.places import Names
    from deploy.account.reading import Bucket, Repository, Role
    from deploy.aws.api import AwsApi


def read_found(aws: AwsApi, names: Names) -> Found:
    """What is there of it.

    Raises:
        AwsError: If AWS does not answer.
        PlanError: If the bucket is another account's.
    """
    try:
        bucket = read_bucket(aws, names.bucket, names.account.number)
    except AwsDenied as err:
        if err.operation != "HeadBucket":
            raise
        raise PlanError(
            f"the bucket {names.bucket} is another account's, or you may not list it (s3:ListBucket"
            "). `python -m deploy bootstrap --print bootstrap-policy` shows what you need; if you "
            "may, take another name (--name)"
        ) from err
    return Found(
        bucket,
        read_repository(aws, names.name),
        read_role(aws, names.role, INLINE_POLICY),
    )


def bootstrap(names: Names, found: Found, *, is_pruned: bool = False) -> list[ApiCall]:
    """The calls that are left to make, in their order; none if all is there.

    Args:
        names: What is wanted.
        found: What is there.
        is_pruned: The role loses what is not wanted; else it keeps that, since an endpoint may
            live by it.

    Raises:
        PlanError: If something of the name is not ours.
    """
    return [
        *_bucket_steps(names, found.bucket),
        *_repository_steps(names, found.repository),
        *_role_steps(names, found.role, is_pruned=is_pruned),
    ]


def notes(names: Names, found: Found, *, is_pruned: bool = False) -> list[str]:
    """What is otherwise than it would be made, and is left so."""
    said = []
    if not names.with_tls:
        said.append("S3 is spoken to without TLS here, so the bucket's policy does not demand it")
    if found.role and found.role.trust != policies.trust_policy(names.account):
        said.append(
            f"the trust policy of the role {names.role} was changed by hand and is left so; "
            "`python -m deploy doctor` says whether SageMaker may assume it"
        )
    if found.role and found.role.policy and not is_pruned:
        spare = _permissions(found.role.policy) - _permissions(desired_state.role_policy(names))
        said += [
            f"the role {names.role} may also {action} on {what}, which nothing here asks for; "
            "--prune takes it away"
            for action, what in sorted(spare)
        ]
    return said


def _check_ours(names: Names, what: str, tags: Mapping[str, str]) -> None:
    if tags.get(BOOTSTRAP_TAG) != names.name:
        raise PlanError(
            f"there is {what} that was not made by this tool (it has no tag "
            f"{BOOTSTRAP_TAG}={names.name}); take another name (--name), or give it that tag if "
            "it is yours"
        )


def _bucket_steps(names: Names, found: Bucket | None) -> list[ApiCall]:
    steps = []
    if found is None:
        steps.append(_s3(names, "create_bucket", _creation(names), "there is none"))
    # S3 tags a bucket by a second call. One that is bare and empty is a stopped run's.
    is_bare = found is not None and not found.tags and found.is_empty and found.policy is None
    if found is None or is_bare:
        tagging = {"Tagging": {"TagSet": desired_state.tags(names)}}
        steps.append(_s3(names, "put_bucket_tagging", tagging, "says that it is ours"))
    else:
        _check_ours(names, f"a bucket {names.bucket}", found.tags)
    return [*steps, *_protection_steps(names, found), *_keeping_steps(names, found)]


def _creation(names: Names) -> dict[str, Any]:
    region = names.account.region
    if region == desired_state.NO_LOCATION:
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _protection_steps(names: Names, found: Bucket | None) -> list[ApiCall]:
    steps = []
    if found is None or any(
        not found.public_access.get(key) for key in desired_state.PUBLIC_ACCESS
    ):
        blocks = {"PublicAccessBlockConfiguration": desired_state.PUBLIC_ACCESS}
        steps.append(_s3(names, "put_public_access_block", blocks, "nothing becomes public"))
    if found is None or not found.algorithm:  # a key of one's own stays
        encryption = {"ServerSideEncryptionConfiguration": desired_state.ENCRYPTION}
        steps.append(_s3(names, "put_bucket_encryption", encryption, "S3 encrypts what lies there"))
    policy = _merged_policy(names, found.policy if found else None)
    if policy and names.with_tls:
        why = "nobody reaches it without TLS"
        steps.append(_s3(names, "put_bucket_policy", {"Policy": json.dumps(policy)}, why))
    return steps


def _merged_policy(names: Names, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The policy with our statement, others' statements kept; None if it is in there."""
    ours = policies.bucket_policy(names.account, names.bucket)
    if found is None:
        return ours
    statements = policies.listed(found.get("Statement", []))
    others = [entry for entry in statements if entry.get("Sid") != policies.TLS_SID]
    merged = {**found, "Statement": [*others, *ours["Statement"]]}
    is_there = any(entry in statements for entry in ours["Statement"])
    return None if is_there else merged


def _keeping_steps(names: Names, found: Bucket | None) -> list[ApiCall]:
    steps = []
    if found is None or found.versioning != "Enabled":
        versioning = {"VersioningConfiguration": desired_state.VERSIONING}
        steps.append(_s3(names, "put_bucket_versioning", versioning, "a deleted model comes back"))
    there = list(found.lifecycle) if found else []
    known = {rule.get("ID") for rule in there}
    missing = [rule for rule in desired_state.LIFECYCLE_RULES if rule["ID"] not in known]
    if missing:
        rules = {"LifecycleConfiguration": {"Rules": [*there, *missing]}}
        why = f"deleted versions go after {desired_state.KEPT_DAYS} days"
        steps.append(_s3(names, "put_bucket_lifecycle_configuration", rules, why))
    return steps


def _repository_steps(names: Names, found: Repository | None) -> list[ApiCall]:
    if found is None:
        what = f"repository {names.name}: there is none"
        return [ApiCall("ecr", "create_repository", desired_state.repository(names), what)]
    _check_ours(names, f"a repository {names.name}", found.tags)
    steps, named = [], {"repositoryName": names.name}
    if not found.mutability.startswith("IMMUTABLE"):
        params = named | {"imageTagMutability": "IMMUTABLE"}
        why = f"repository {names.name}: a tag stays with its image"
        steps.append(ApiCall("ecr", "put_image_tag_mutability", params, why))
    if not found.is_scanned:
        scanning = named | {"imageScanningConfiguration": {"scanOnPush": True}}
        why = f"repository {names.name}: known holes are found"
        steps.append(ApiCall("ecr", "put_image_scanning_configuration", scanning, why))
    return steps


def _role_steps(names: Names, found: Role | None, *, is_pruned: bool) -> list[ApiCall]:
    steps = []
    if found is None:
        why = f"role {names.role}: there is none"
        steps.append(ApiCall("iam", "create_role", desired_state.role(names), why))
    else:
        _check_ours(names, f"a role {names.role}", found.tags)
    policy = desired_state.role_policy(names)
    if found and not is_pruned:
        policy = policies.merged(found.policy, policy)
    if found is None or found.policy != policy:
        params = {
            "RoleName": names.role,
            "PolicyName": INLINE_POLICY,
            "PolicyDocument": json.dumps(policy),
        }
        change = _change(found.policy if found else None, policy)
        steps.append(ApiCall("iam", "put_role_policy", params, f"role {names.role}: {change}"))
    return steps


def _change(found: Mapping[str, Any] | None, policy: Mapping[str, Any]) -> str:
    """What a run would change in what the role may do, so that nobody is surprised."""
    before = _permissions(found) if found else set()
    after = _permissions(policy)
    added, removed = sorted(after - before), sorted(before - after)
    denied = _permissions(found, "Deny") if found else set()
    undenied = sorted(denied - _permissions(policy, "Deny"))
    if found is None:
        return f"it may {', '.join(sorted({action for action, _ in after}))}"
    parts = [
        *(f"it may also {action} on {what}" for action, what in added),
        *(f"no longer {action} on {what}" for action, what in removed),
        *(f"no longer denied {action} on {what}" for action, what in undenied),
    ]
    return "; ".join(parts) or "the same, written otherwise"


def _permissions(policy: Mapping[str, Any], effect: str = "Allow") -> set[tuple[str, str]]:
    return {
        (action, what)
        for entry in policies.listed(policy.get("Statement", []))
        if entry.get("Effect") == effect
        for action in policies.listed(entry.get("Action", []))
        for what in policies.listed(entry.get("Resource", []))
    }


def _s3(names: Names, operation: str, params: Mapping[str, Any], why: str) -> ApiCall:
    """A call about the bucket; one that makes it has no owner to expect yet."""
    owner = {} if operation == "create_bucket" else {"ExpectedBucketOwner": names.account.number}
    return ApiCall(
        "s3", operation, {"Bucket": names.bucket, **owner, **params}, f"{names.bucket}: {why}"
    )
