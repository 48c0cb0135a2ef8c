# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a batch lies in S3, and what its jobs are called.

Everything follows from the names of endpoint and batch, so nothing of it is kept on this machine.
Objects are named by a digest of their content: what is there already is not sent again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from serving.errors import BadUsage

# A job's name has 63 characters: of the endpoint 32, two hyphens, this, and a number of three.
LONGEST_NAME = 25
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_DIGEST_CHARS = 24
OUT = ".out"  # what batch transform adds to an object's name (API reference, TransformOutput)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of plans.

    Attributes:
        endpoint: Whose model finds the rooms.
        name: Of the batch.
        folder: S3 address, with a slash at the end.
    """

    endpoint: str
    name: str
    folder: str

    @property
    def names(self) -> str:
        """S3 address of what says which file is which object, or why it is none."""
        return f"{self.folder}names.json"

    @property
    def inputs(self) -> str:
        """S3 address of the folder of the plans."""
        return f"{self.folder}input/"

    @property
    def outputs(self) -> str:
        """S3 address of the folder of the answers."""
        return f"{self.folder}output/"

    def manifests(self, number: int) -> str:
        """What the S3 addresses of lists of plans of a job begin with."""
        return f"{self.folder}manifests/{number:03d}-"

    def manifest(self, number: int, content: bytes) -> str:
        """S3 address of a list of plans; two that are submitted at once have two."""
        return f"{self.manifests(number)}{hashlib.sha256(content).hexdigest()[:12]}.json"

    def job(self, number: int) -> str:
        """Name of the first, second … job."""
        return f"{self.endpoint}-{self.name}-{number:03d}"


def batch_of(endpoint: str, name: str, model_folder: str) -> Batch:
    """A batch by its name; it lies beside the model's file.

    Raises:
        BadUsage: If it cannot have that name.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BadUsage(
            f"--name {name!r}: letters, digits and single hyphens between them, at most "
            f"{LONGEST_NAME}"
        )
    return Batch(endpoint, name, f"{model_folder}batch/{name}/")


def default_name(inputs: list[str]) -> str:
    """The same for the same inputs, so that the same command goes on."""
    last = inputs[0].rstrip("/").rpartition("/")[2]
    word = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[: LONGEST_NAME - 9].strip("-")
    digest = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:8]
    return f"{word or 'batch'}-{digest}"


def object_name(digest: str, file: str) -> str:
    """Name of a plan's object.

    Args:
        digest: Of the content, or of what stands for it.
        file: Name of the file, whose ending is kept.
    """
    _, dot, ending = file.lower().rpartition(".")
    kept = f".{ending}" if dot and _ENDING.fullmatch(f".{ending}") else ""
    return f"{digest[:_DIGEST_CHARS]}{kept}"
