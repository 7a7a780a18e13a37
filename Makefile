# Two commands do all the set-up on a fresh machine with Python >= 3.11: `make demo` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first that runs and is new enough: a pyenv shim can be there and not run.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$p; break; }; done)
UV := .cache/uv/bin/uv
BIN := .venv/bin
UV_VERSION := 0.13.9
SOURCES := incidents backends workers tests bench

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is missing: on Debian, apt-get install python3 python3-venv; elsewhere, make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .cache/uv
	@.cache/uv/bin/python -m pip --quiet --disable-pip-version-check install uv==$(UV_VERSION)

.venv/.run: requirements.lock pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) --quiet venv --python "$(PYTHON)" .venv
	@echo "installing what Tocsin needs ..."
	@$(UV) --quiet pip install --python .venv --require-hashes --compile-bytecode -r requirements.lock
	@$(UV) --quiet pip install --python .venv --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	@echo "installing what the tests need ..."
	@$(UV) --quiet pip install --python .venv --require-hashes --compile-bytecode -r requirements-dev.lock
	@touch $@

demo: .venv/.run  ## the main job on a bundled real log: first message within seconds, Ctrl-C ends it
	@$(BIN)/tocsin demo

up: .venv/.run  ## everything on this machine, supervised; settings in the environment (see README)
	@$(BIN)/tocsin up

test: .venv/.dev  ## the suite: under 15 minutes
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: .venv/.dev  ## the suite and the long runs
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/.dev  ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.dev  ## speed beside limits and peers, in one run
	@$(BIN)/python -m bench $(ARGS)

messages: .venv/.dev  ## the sample messages under docs/messages
	@$(BIN)/python docs/messages/generate.py

openapi: .venv/.dev  ## openapi.json from the code
	@$(BIN)/python -m incidents.api.openapi > openapi.json

lock: $(UV)  ## the locks, from pyproject.toml
	@$(UV) --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--extra postgresql pyproject.toml -o requirements.lock
	@$(UV) --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--extra postgresql --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean:  ## what was installed and built here
	@rm -rf .venv .cache build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help demo up test test-all lint bench messages openapi lock clean
