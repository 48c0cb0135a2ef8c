#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs what tests/viewer needs: Chromium from Debian; what client/viewer is built and tested with,
# and docs/openapi.yaml linted with, from npm (Node 20.19 or later); and jq, for the documents' filters.
# Debian or Ubuntu, as root.
set -eu

missing=
for pair in chromium:chromium npm:npm fc-match:fontconfig jq:jq; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
    echo "Installing$missing …"
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
cd "$(dirname "$0")/../../client/viewer"
# npm writes the second file when it is done.
[ package-lock.json -ot node_modules/.package-lock.json ] || npm ci --no-audit --no-fund
