#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs what tests/image needs where there is no Docker daemon, and the JDK of tests/plugin;
# Debian or Ubuntu, as root.
set -eu

missing=
for pair in podman:podman runc:runc mmdebstrap:mmdebstrap docker-registry:docker-registry \
    ip:iproute2 javac:openjdk-17-jdk-headless; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
echo "Installing$missing …"
# Java's package writes a manual page, where slim systems have no folder for it.
mkdir -p /usr/share/man/man1
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
