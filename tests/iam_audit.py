# SPDX-License-Identifier: AGPL-3.0-or-later
"""A second linter over the policies that deploy writes: ``python -m tests.iam_audit``.

cfn-lint reads them in each run of the tests; parliament, of `make audit`, also looks for what they
let their holder become. It ends with status 1 where it finds what is not written down here.
"""

from __future__ import annotations

import json
import sys

import parliament

from deploy.account import policies
from deploy.account.deployer import bootstrap_policy, deployer_policy
from deploy.account.places import Account, Names

# Policy and issue, and why it stays.
ACCEPTED = {
    ("role", "CREDENTIALS_EXPOSURE"): "pulling the image needs the registry's token",
    ("role", "RESOURCE_STAR"): "DescribeAlarms by name prefix takes no narrower resource",
    ("deployer", "CREDENTIALS_EXPOSURE"): "pushing the image needs the registry's token",
    ("deployer", "RESOURCE_STAR"): "DescribeAlarms by name prefix takes no narrower resource",
    ("deployer", "RESOURCE_MISMATCH"): "one call takes an endpoint and its configuration; each "
    "is named by a statement of its own",
    ("deployer", "PERMISSIONS_MANAGEMENT_ACTIONS"): "the role may be passed to SageMaker alone, "
    "and a service's own role be made for scaling alone (conditions)",
    ("bootstrap", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"): "it makes the bucket and its policy",
    (
        "bootstrap",
        "PERMISSIONS_MANAGEMENT_ACTIONS",
    ): "it makes the role; it is run once, by whoever may do so",
}


def documents() -> dict[str, policies.Policy]:
    """The policies of an account with plans and outputs of its own."""
    account = Account("aws", "eu-central-1", "123456789012")
    outputs = ("s3://rooms-123456789012-eu-central-1/answers/",)
    names = Names(account, plans=("s3://drawings/in",), outputs=outputs)
    places = names.places()
    return {
        "role": policies.execution_policy(places, names.plans, names.outputs),
        "deployer": deployer_policy(places, names.plans, names.outputs),
        "bootstrap": bootstrap_policy(places, names.role),
    }


def main() -> int:
    """Print what is found; 1 if something of it is not accepted."""
    status = 0
    for name, document in documents().items():
        text = json.dumps(document)
        found = parliament.analyze_policy_string(text, include_community_auditors=True).findings
        for finding in found:
            why = ACCEPTED.get((name, finding.issue))
            status |= why is None
            print(f"{name}: {finding.issue}: {why or f'NOT ACCEPTED: {finding.detail}'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
