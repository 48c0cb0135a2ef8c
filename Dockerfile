# SPDX-License-Identifier: AGPL-3.0-or-later
# The image that SageMaker runs: `docker run IMAGE serve`. `make image` builds it (docs/image.md).
# It is built by BuildKit, by Docker's older builder and by podman 4, so it does without `# syntax`,
# heredocs, RUN --mount and COPY --link.

ARG BASE_IMAGE=python:3.11-slim-bookworm

# -- Java: no more than TorchServe loads; and what the next stage needs -------------------------
FROM ${BASE_IMAGE} AS java
# The package's scripts write a manual page, where slim images have no folder for it.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends binutils openjdk-17-jdk-headless \
 && rm -rf /var/lib/apt/lists/*
# java.desktop: TorchServe reads metrics.yaml into Java beans. -Xshare:dump: classes of the Java
# library are mapped at the start instead of parsed.
RUN jlink --output /opt/java --compress=2 --strip-debug --no-man-pages --no-header-files \
      --add-modules java.base,java.desktop,java.logging,java.management,java.naming,java.scripting,java.sql,java.xml,jdk.management,jdk.unsupported \
 && /opt/java/bin/java -Xshare:dump -XX:+UseSerialGC >/dev/null

# -- Python packages --------------------------------------------------------------------------
FROM java AS python
RUN python3 -m venv /opt/venv
COPY constraints.txt requirements/image.txt requirements/ocr.txt /build/
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
      --report /build/report.json -c /build/constraints.txt -r /build/image.txt
# With --build-arg OCR=1 it reads names of rooms from pictures.
ARG OCR=
RUN [ -z "$OCR" ] || /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
      --no-compile --no-deps --report /build/report-ocr.json -c /build/constraints.txt -r /build/ocr.txt
COPY docker/build/prune.py /build/
# What is left must still import. Python takes its compiled files as they are, whatever the times
# of files become on their way into a layer.
RUN SITE=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])') \
 && python3 /build/prune.py "$SITE" \
 && find /opt/venv/bin -type f -delete \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash "$SITE" \
 && /opt/venv/bin/python -c 'import kornia_rs.io, openvino, pypdfium2, zlib_ng.zlib_ng' \
 && /opt/venv/bin/python -c 'import ctypes; from PIL import _imaging; ctypes.CDLL(_imaging.__file__).TIFFClientOpenExt' \
 && /opt/venv/bin/python -c 'import boto3; [boto3.client(name, "eu-west-1") for name in ("s3", "sts")]'

# -- netty, in the place of the one of 2020 in TorchServe's jar -----------------------------------
FROM java AS netty
COPY docker/netty /netty/
RUN python3 -m venv /opt/venv && /opt/venv/bin/python /netty/fetch.py

# -- this project's files, readable by any user -------------------------------------------------
FROM ${BASE_IMAGE} AS program
ARG ARCHIVE=docker/archive
COPY docker /opt/roomdet
COPY config.properties LICENSE NOTICE /opt/roomdet/
COPY ${ARCHIVE} /opt/roomdet/archive/
COPY --from=netty /netty /opt/roomdet/netty/
RUN rm -rf /opt/roomdet/build /opt/roomdet/archive/README.md /opt/roomdet/netty/fetch.py /opt/roomdet/netty/requirements.txt \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/roomdet \
 && chmod -R u=rwX,go=rX /opt/roomdet && chmod 755 /opt/roomdet/serve

# -- TorchServe's classes, as the JVM maps them ---------------------------------------------------
FROM ${BASE_IMAGE} AS classes
COPY --from=java /opt/java /opt/java
COPY --from=python /opt/venv /opt/venv
COPY --from=program /opt/roomdet /opt/roomdet
COPY docker/build/share_classes.py handler/sitecustomize.py /build/
RUN /opt/venv/bin/python /build/share_classes.py /build/sitecustomize.py
# What the image holds, as CycloneDX; the base is the same as that of the image.
COPY --from=python /build/report*.json /build/
COPY docker/build/bom.py /build/
RUN /opt/venv/bin/python /build/bom.py /build/report*.json > /opt/roomdet/sbom.cdx.json

# -- the image ----------------------------------------------------------------------------------
FROM ${BASE_IMAGE}
# `make image` adds version, revision and source.
LABEL org.opencontainers.image.title="Room detector for architectural blueprints" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
COPY --from=java /opt/java /opt/java
COPY --from=python /opt/venv /opt/venv
COPY --from=program /opt/roomdet /opt/roomdet
COPY --from=classes /opt/roomdet/server.jsa /opt/roomdet/sbom.cdx.json /opt/roomdet/
# Images of python.org come without Python's own compiled files, and a read-only root keeps none.
RUN python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|(site|dist)-packages)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')"
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
EXPOSE 8080
# No USER: SageMaker runs it as root; it works as any user and needs to write only below /tmp.
ENTRYPOINT ["/opt/venv/bin/python", "/opt/roomdet/serve"]
CMD ["serve"]
