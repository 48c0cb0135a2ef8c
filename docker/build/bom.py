# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write what the image holds as CycloneDX 1.6; run while the image is built.

``python bom.py [REPORT.json …] > sbom.cdx.json`` lists the packages of Python with the sha256 of
their wheels, which pip's reports have, the jars and what is inside them, Java, Python, Debian's
packages and the archive, where one is baked in. There is no time and no serial number in it: the
same image has the same list.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Component = dict[str, Any]
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
TORCHSERVE = "0.12.0"
# TorchServe's build leaves the files out that would say what is in its jar; netty's are there.
# Source: frontend/gradle.properties and frontend/server/build.gradle of that version.
UNSAID = {
    ("org.apache.logging.log4j", "log4j-core"): "2.17.1",
    ("org.apache.logging.log4j", "log4j-api"): "2.17.1",
    ("org.yaml", "snakeyaml"): "2.1",
}
JAVA_LICENSE = "GPL-2.0-only WITH Classpath-exception-2.0"
_LONGEST_LICENSE = 60  # some packages have the whole text where its name belongs


@dataclass(frozen=True, slots=True)
class Image:
    """Folders of the image.

    Attributes:
        packages: Python's site-packages.
        program: This project's files.
        java: The Java runtime.
        root: Where ``etc`` and ``var`` are.
    """

    packages: Path = Path(sysconfig.get_paths()["purelib"])
    program: Path = Path("/opt/roomdet")
    java: Path = Path("/opt/java")
    root: Path = Path("/")


def document(image: Image, reports: Sequence[Path]) -> dict[str, Any]:
    """The list.

    Args:
        image: What is listed.
        reports: What pip wrote with ``--report``.
    """
    wheels = {key: digest for report in reports for key, digest in wheel_digests(report)}
    components = [
        *python_packages(image.packages, wheels),
        *jars(image),
        *runtimes(image.java),
        *debian_packages(image.root),
        *(file_component(path) for path in sorted(image.program.glob("archive/*.mar"))),
    ]
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": "roomdet",
                "licenses": [{"license": {"id": "AGPL-3.0-or-later"}}],
            }
        },
        "components": sorted(components, key=lambda each: each["bom-ref"]),
    }


def wheel_digests(report: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Name and version of each package that pip installed, with the sha256 of its file."""
    for entry in json.loads(report.read_text("utf-8"))["install"]:
        about, archive = entry["metadata"], entry["download_info"].get("archive_info", {})
        if digest := archive.get("hashes", {}).get("sha256"):
            yield (canonical(about["name"]), about["version"]), digest


def canonical(name: str) -> str:
    """A package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_packages(packages: Path, wheels: Mapping[tuple[str, str], str]) -> Iterator[Component]:
    """Each that is installed, its wheel's sha256 where it is known."""
    for found in distributions(path=[str(packages)]):
        name = canonical(found.metadata["Name"])
        component = library(f"pkg:pypi/{name}@{found.version}", name, found.version)
        if digest := wheels.get((name, found.version)):
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
        expressions = found.metadata.get_all("License-Expression")
        text = "".join(found.metadata.get_all("License") or ()).strip()
        if expressions:
            component["licenses"] = [{"expression": expressions[0]}]
        elif text and len(text) <= _LONGEST_LICENSE and "\n" not in text:
            component["licenses"] = [{"license": {"name": text}}]
        yield component


def jars(image: Image) -> Iterator[Component]:
    """Netty's, this project's and TorchServe's, each with what is packed into it."""
    for path in sorted(image.program.glob("netty/*.jar")):
        (own,) = (
            (group, name, version)
            for group, name, version in maven_properties(path)
            if path.name == f"{name}-{version}.jar"
        )
        inside = [each for each in maven_properties(path) if each != own]
        yield maven(*own) | {
            "hashes": file_component(path)["hashes"],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "components": [nested(path.name, *each) for each in inside],
        }
    for path in [*image.program.glob("netty/native/*"), *image.program.glob("endpoints/*.jar")]:
        yield file_component(path)
    yield torchserve_jar(image.packages)


def torchserve_jar(packages: Path) -> Component:
    """TorchServe's jar, with those of its parts that advisories are written about.

    Raises:
        SystemExit: If it is of another version: the table above has to be looked at.
    """
    (version,) = (each.version for each in distributions(path=[str(packages)], name="torchserve"))
    if version != TORCHSERVE:
        raise SystemExit(f"error: bom.py knows what is in torchserve {TORCHSERVE}, not {version}")
    path = packages / "ts/frontend/model-server.jar"
    with zipfile.ZipFile(path) as jar:
        lines = jar.read("META-INF/io.netty.versions.properties").decode().splitlines()
    netty = re.findall(r"(?m)^(netty-[a-z0-9-]+)\.version=(\S+)$", "\n".join(lines))
    parts = [
        *(("io.netty", name, version) for name, version in netty),
        *((*key, version) for key, version in UNSAID.items()),
    ]
    return file_component(path) | {
        "type": "library",
        "components": [nested(path.name, *each) for each in sorted({*parts})],
    }


def maven_properties(path: Path) -> list[tuple[str, str, str]]:
    """Group, name and version of each artifact of Maven's that a jar says is in it."""
    with zipfile.ZipFile(path) as jar:
        texts = [
            jar.read(name).decode()
            for name in sorted(jar.namelist())
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.properties", name)
        ]
    values = [dict(re.findall(r"(?m)^(\w+)=(\S+)\s*$", text)) for text in texts]
    return [(each["groupId"], each["artifactId"], each["version"]) for each in values]


def runtimes(java: Path) -> Iterator[Component]:
    """Java, by the file that says which it is, and this Python."""
    (version,) = re.findall(r'(?m)^JAVA_VERSION="(.+)"$', (java / "release").read_text())
    yield library(f"java@{version}", "OpenJDK runtime", version) | {
        "licenses": [{"expression": JAVA_LICENSE}]
    }
    version = platform.python_version()
    yield library(f"python@{version}", "CPython", version) | {
        "licenses": [{"license": {"id": "PSF-2.0"}}]
    }


def debian_packages(root: Path) -> Iterator[Component]:
    """What dpkg says is installed; none where there is no dpkg."""
    status = root / "var/lib/dpkg/status"
    for entry in status.read_text("utf-8").split("\n\n") if status.exists() else []:
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+): (.*)$", entry))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            quoted = version.replace("+", "%2B").replace(":", "%3A")
            url = f"pkg:deb/debian/{name}@{quoted}?arch={fields['Architecture']}"
            yield library(url, name, version)


def maven(group: str, name: str, version: str) -> Component:
    """An artifact of Maven's."""
    return library(f"pkg:maven/{group}/{name}@{version}", name, version) | {"group": group}


def nested(jar: str, group: str, name: str, version: str) -> Component:
    """The same inside a jar; its reference names that, since another may lie beside it."""
    component = maven(group, name, version)
    return component | {"bom-ref": f"{jar}!{component['bom-ref']}"}


def library(reference: str, name: str, version: str) -> Component:
    """A component; one with an address of packages has that as its ``purl``."""
    address = {"purl": reference} if reference.startswith("pkg:") else {}
    return {"type": "library", "bom-ref": reference, "name": name, "version": version} | address


def file_component(path: Path) -> Component:
    """A file by its sha256."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "type": "file",
        "bom-ref": f"file:{path.name}",
        "name": path.name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


if __name__ == "__main__":
    print(json.dumps(document(Image(), [Path(name) for name in sys.argv[1:]]), indent=1))
