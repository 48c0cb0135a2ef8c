#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# `make image-test`: runs tests/image where the machine can; REQUIRE_ALL=1 makes a missing part a
# failure.
set -eu

missing=
for program in docker-registry; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if ! docker info >/dev/null 2>&1; then
    for program in podman runc mmdebstrap ip; do
        command -v "$program" >/dev/null || missing="$missing $program"
    done
    [ "$(id -u)" = 0 ] || missing="$missing root"
fi
if [ -z "$missing" ]; then
    exec "$BIN/python" -m pytest tests/image --durations=5 "$@"
elif [ -n "$REQUIRE_ALL" ]; then
    echo "error: REQUIRE_ALL is set, but tests/image lacks:$missing (tests/image/install.sh)" >&2
    exit 1
fi
echo "Left out: tests/image. It lacks:$missing"
echo "  On Debian, as root: sh tests/image/install.sh"
