#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Runs every test that this machine can run and says which it left out; REQUIRE_ALL=1 leaves none.
# `make test` calls it with the environments: BIN (always), TRAIN_BIN (make venv-train), FORMATS_BIN (make venv-formats).
set -eu

# The long ones wait for servers most of the time, so two files run at once.
"$BIN/python" -m pytest -n 2 --dist loadfile tests/unit tests/contract tests/e2e

if command -v javac >/dev/null; then
    "$BIN/python" -m pytest tests/plugin
elif [ -n "$REQUIRE_ALL" ]; then
    echo "error: REQUIRE_ALL is set, but there is no javac (JDK 17 or later)" >&2
    exit 1
else
    echo
    echo "Left out: tests/plugin (the endpoint plugin's jar against its sources)."
    echo "  It needs javac: install a JDK of version 17 or later."
fi

if command -v chromium >/dev/null && [ -d client/viewer/node_modules ]; then
    "$BIN/python" -m pytest tests/viewer
elif [ -n "$REQUIRE_ALL" ]; then
    echo "error: REQUIRE_ALL is set, but there is no chromium, or no client/viewer/node_modules" >&2
    exit 1
else
    echo
    echo "Left out: tests/viewer (the viewer in a browser, and its page built anew)."
    echo "  They need Chromium, and Node for what tests/viewer/install.sh fetches."
fi

if [ -x "$TRAIN_BIN/python" ]; then
    "$TRAIN_BIN/python" -m pytest tests/parity
elif [ -n "$REQUIRE_ALL" ]; then
    echo "error: REQUIRE_ALL is set, but $TRAIN_BIN does not exist" >&2
    exit 1
else
    echo
    echo "Left out: tests/parity (export and comparison with ultralytics)."
    echo "  They need an environment of 6 GB: make venv-train, or make test REQUIRE_ALL=1."
fi

if [ -x "$FORMATS_BIN/python" ]; then
    "$FORMATS_BIN/python" -m pytest --confcutdir tests/formats tests/formats
elif [ -n "$REQUIRE_ALL" ]; then
    echo "error: REQUIRE_ALL is set, but $FORMATS_BIN does not exist" >&2
    exit 1
else
    echo
    echo "Left out: tests/formats (the client's exports in the programs that they are for)."
    echo "  They need an environment of 1.4 GB: make venv-formats, or make test REQUIRE_ALL=1."
fi

if [ -n "$REQUIRE_ALL" ]; then
    sh tests/image/run.sh
else
    echo
    echo "Left out: tests/image (the SageMaker image, built and run; some minutes)."
    echo "  make image-test runs them."
fi
