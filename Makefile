SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV  := .venv
BIN   := $(VENV)/bin
UV    := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
MEMBERS := proto $(sort $(wildcard libs/*)) $(sort $(wildcard services/*)) cli

# A worker per core. A file's tests stay together, because they share servers; the files that take
# longest come first, so that no worker is left alone with one at the end.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help sync lock run split test check bench generate format e2e faults dist

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

.tools/uv/bin/uv:
	python3 -m venv .tools/uv && .tools/uv/bin/pip install --quiet uv

# The stamp holds what was installed: a second `make sync` with nothing changed costs nothing.
$(VENV)/.stamp: requirements.lock $(MEMBERS:%=%/pyproject.toml) | $(filter .tools/%,$(UV))
	test -x $(BIN)/python || $(UV) venv --quiet --python 3.11 $(VENV) || $(UV) venv --quiet $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	-$(BIN)/python -m compileall -q $(VENV)/lib/python3*/site-packages $(MEMBERS:%=%/src) # half of a start's time
	touch $@

sync: $(VENV)/.stamp ## the virtual environment, from requirements.lock

lock: ## requirements.lock anew, from every member's pyproject.toml
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev \
	  --no-emit-package newel-proto $(patsubst %,--no-emit-package newel-%,crypto gotemplate acme step client runtime registration issuing signer validation inventory alerting standalone cli) \
	  --python-version 3.11 --universal --output-file requirements.lock pyproject.toml

generate: sync ## the code made from proto/*.proto
	$(BIN)/python proto/generate.py

format: sync ## ruff's formatting and safe fixes
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

check: sync ## format, lint, types, imports, house rules, generated code, unit tests
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/python tests/architecture/house_rules.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/python proto/generate.py && git diff --exit-code --stat -- proto
	$(BIN)/pyright
	$(BIN)/pytest $(PARALLEL) cli libs services proto tests/architecture

test: sync ## everything the tests need, then unit, contract and end-to-end tests
	bash tests/setup.sh
	$(BIN)/pytest $(PARALLEL) tests/e2e tests/integration tests/conformance cli libs services proto tests/architecture

e2e: sync ## the walks alone, with the real programs
	$(BIN)/pytest $(PARALLEL) tests/e2e

faults: sync ## every service killed at every step, databases and NATS taken away
	bash tests/setup.sh
	$(BIN)/pytest tests/faults

dist: sync ## wheels, manual pages and the command line in one file, under dist
	rm -rf dist
	for member in $(MEMBERS); do $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python \
	  --out-dir dist ./$$member || exit 1; done
	$(BIN)/newel help --man dist/man
	$(BIN)/python -m deploy.single_file dist

run: sync ## an authority under var/newel, made on first start and served
	$(BIN)/newel up --state var/newel --address 127.0.0.1:9000 --http-address 127.0.0.1:9080

split: sync ## the same as six processes with PostgreSQL, NATS and SoftHSM under var/split; OPTIONS="--workers 2"
	$(BIN)/python -m deploy.split --state var/split $(OPTIONS)

bench: sync ## rates and CPU per operation, beside step-ca where it is on PATH; OPTIONS="--shape split --preload 1000000"
	cd tests/bench && ../../$(BIN)/python run.py $(OPTIONS)
