SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV  := .venv
BIN   := $(VENV)/bin
UV    := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
MEMBERS := proto $(sort $(wildcard libs/*)) $(sort $(wildcard services/*)) cli

# Three workers for two cores (see conftest.py). A file's tests stay together, because they share servers; the files that take
# longest come first, so that no worker is left alone with one at the end.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

# Where `run` and `split` serve: make run PORT=9443 HTTP_PORT=9480. Without them a later start serves where the first did.
STATE     ?= var/newel
ADDRESSES := $(if $(PORT),--address 127.0.0.1:$(PORT)) $(if $(HTTP_PORT),--http-address 127.0.0.1:$(HTTP_PORT))

.PHONY: help sync tools lock run split test check coverage bench generate reference format e2e faults kubernetes dist packages

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

.tools/uv/bin/uv:
	@"$$(deploy/python.sh)" -m venv .tools/uv || { echo 'make: on Debian and Ubuntu, first: apt install python3-venv'; exit 1; }
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check $(if $(SSL_CERT_FILE),--cert "$(SSL_CERT_FILE)") uv

# The stamps hold what was installed: a second `make sync` with nothing changed costs nothing.
$(VENV)/.stamp: requirements.lock $(MEMBERS:%=%/pyproject.toml) | $(filter .tools/%,$(UV))
	@echo 'Installing into $(VENV), once: half a minute or so.'
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$$(deploy/python.sh)" $(VENV) || $(UV) venv --quiet --python '>=3.11' $(VENV)
	@$(UV) pip install --quiet --python $(BIN)/python --no-sources --constraint requirements.lock \
	  --build-constraint requirements.lock $(MEMBERS:%=-e ./%)
	-@$(BIN)/python -m compileall -q $(VENV)/lib/python3*/site-packages $(MEMBERS:%=%/src) # half of a start's time
	@touch $@

$(VENV)/.stamp-tools: $(VENV)/.stamp
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	touch $@

sync: $(VENV)/.stamp ## install what the authority and the command line need into .venv; PYTHON=python3.13 chooses the interpreter

tools: $(VENV)/.stamp-tools ## install the developer tools as well; check and test do this by themselves

lock: ## rebuild requirements.lock from every member's pyproject.toml
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev \
	  --no-emit-package newel-proto $(patsubst %,--no-emit-package newel-%,durations crypto jose gotemplate acme scep step certtemplates client runtime registration issuing signer validation inventory alerting dashboard kubernetes standalone cli) \
	  --python-version 3.11 --universal --output-file requirements.lock pyproject.toml

generate: tools ## generate the code from proto/*.proto
	$(BIN)/python proto/generate.py

reference: tools ## write docs/configuration.md and docs/sdk.md from the code
	$(BIN)/python -m deploy.reference

format: tools ## format the code and apply ruff's safe fixes
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

check: tools ## check format, lint, types, imports, house rules, generated code; run the unit tests
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/python tests/architecture/code_rules.py
	$(BIN)/python tests/architecture/words.py
	$(BIN)/python tests/architecture/dependencies.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/python proto/generate.py && git diff --exit-code --stat -- proto
	$(BIN)/pyright
	$(BIN)/pytest $(PARALLEL) cli libs services proto tests/architecture

test: tools ## install the programs that the tests need, then run unit, contract and end-to-end tests
	bash tests/setup.sh
	$(BIN)/pytest $(PARALLEL) tests/e2e tests/integration tests/kubernetes tests/conformance cli libs services proto tests/architecture

coverage: tools ## hold each member's branch coverage by its own tests above its floor; MEMBER=libs/jose for one
	$(BIN)/python tests/coverage_floors.py $(MEMBER)

e2e: tools ## run the end-to-end tests alone, with the real programs
	$(BIN)/pytest $(PARALLEL) tests/e2e

faults: tools ## run the drills: every service killed at every step, databases and NATS taken away
	bash tests/setup.sh
	$(BIN)/pytest tests/faults

kubernetes: tools ## run the controller's tests against a real API server, which is built once
	bash tests/kubernetes/setup.sh
	$(BIN)/pytest tests/kubernetes

# Files get the time of the last commit, so that two builds of it are the same.
dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
dist: tools ## build wheels, manual pages, the command line in one file, Debian's package and SHA256SUMS, in dist
	rm -rf dist
	for member in $(MEMBERS); do $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python \
	  --out-dir dist ./$$member || exit 1; done
	$(BIN)/newel help --man dist/man
	$(BIN)/python -m deploy.single_file dist
	$(BIN)/python -m deploy.packages dist

packages: dist ## install what `make dist` made into a clean Debian, and look at it; as root, with mmdebstrap and lintian
	$(BIN)/pytest tests/packages

run: sync ## create an authority in var/newel on the first start, and serve it; PORT=9443 HTTP_PORT=9480
	$(BIN)/newel up --state $(STATE) $(ADDRESSES) $(OPTIONS)

split: sync ## serve one as six processes with PostgreSQL, NATS and SoftHSM, in var/split; OPTIONS="--workers 2"
	$(BIN)/python -m deploy.split --state var/split $(ADDRESSES) $(OPTIONS)

bench: tools ## measure rates and CPU per operation, beside step-ca where it is on PATH; OPTIONS="--shape split --preload 1000000"
	cd tests/bench && ../../$(BIN)/python run.py $(OPTIONS)
