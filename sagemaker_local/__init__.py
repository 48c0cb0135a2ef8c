# SPDX-License-Identifier: AGPL-3.0-or-later
"""SageMaker's hosting on this machine: its calls over HTTP, and real servers that answer.

`local_sagemaker.py` puts it together. Control calls come in through `protocol.py` and `control.py`;
what lasts is in `records.py`; `life.py` and `rollout.py` move endpoints from status to status;
`invoke.py` is the runtime, `registry.py` the address that images are pushed to. Every other AWS
service is moto's, in the same process (`app.py`).
"""
