# Everything a person or CI does here, with the environment in .venv.
#   make run    serve with nothing else installed      make check  every fast check, some two minutes
#   make chat   talk in this terminal                  make test   check, and the slow tests
#   make demo   look at people who chat

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CHECKED := src scripts tests

# Compiled modules are kept, whatever the shell says: without them a server starts, and tests begin, seconds later.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo chat web webcheck test check lint fmt bench fuzz chaos robust services

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

# Stamps: what is installed is older than what is asked for only after one of these two files changed.
RUN_STAMP := .venv/.installed-run
DEV_STAMP := .venv/.installed-dev
WANTED := pyproject.toml constraints.txt

# Makes .venv, or says in one line what is missing and stops.
define MAKE_VENV
@$(BIN)/python -m pip --version >/dev/null 2>&1 && exit 0; \
command -v $(PYTHON) >/dev/null 2>&1 || { \
  echo "error: $(PYTHON) not found; install it, then repeat: sudo apt-get install python3-venv" >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  for name in python3.14 python3.13 python3.12 python3.11; do $$name -c '' 2>/dev/null && break; done; \
  echo "error: PingMe needs Python 3.11 or newer, $(PYTHON) is" \
    "$$($(PYTHON) -c 'import platform; print(platform.python_version())');" \
    "try: make $(firstword $(MAKECMDGOALS)) PYTHON=$$name" >&2; exit 1; }; \
$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
  echo "error: $(PYTHON) has no venv; install it, then repeat:" \
    "sudo apt-get install $(notdir $(PYTHON))-venv" >&2; exit 1; }; \
$(PYTHON) -m venv .venv
endef

$(RUN_STAMP): $(WANTED)
	$(MAKE_VENV)
	@echo "Installing PingMe into .venv (only now, and when its dependencies change) …"
	@$(PIP) install --constraint constraints.txt --editable '.[tui]'
	@touch $@

$(DEV_STAMP): $(WANTED)
	$(MAKE_VENV)
	@echo "Installing PingMe and its development tools into .venv …"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $(RUN_STAMP) $@

setup: $(DEV_STAMP) ## install everything for development

run: $(RUN_STAMP) ## start the server (APP_PORT=… APP_CONF=… make run)
	@exec $(BIN)/pingme serve

demo: $(RUN_STAMP) ## people, groups and a lively room to look at
	@exec $(BIN)/pingme demo

chat: $(RUN_STAMP) ## chat in this terminal
	@exec $(BIN)/pingme chat

# The built web client is part of the sources (src/pingme/web/dist), so that only who changes it needs Node.
ifneq ($(shell command -v npm 2>/dev/null),)
NODE_MODULES := node_modules/.package-lock.json
$(NODE_MODULES): package.json package-lock.json sdk/ts/package.json web/package.json
	@echo "Installing what builds the web client into node_modules …"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
endif

web: $(NODE_MODULES) ## build the web client anew (needs Node 20)
	@command -v npm >/dev/null 2>&1 || { echo "error: the web client is built with Node 20 or newer; install it, then repeat" >&2; exit 1; }
	@npm run --silent build -w @pingme/web

webcheck: $(NODE_MODULES) $(DEV_STAMP) ## lint, types and tests of the web client, and that its build is committed
	$(BIN)/python scripts/check_web.py

fmt: $(DEV_STAMP) ## format the code and repair what can be repaired
	@$(BIN)/ruff check --fix-only --quiet $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

lint: $(DEV_STAMP) ## format check, lint, types, imports, sizes, docs
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/check_docs.py

# Clients of other makes that tests talk to the server with. CI insists on them; on a laptop they are used if present.
ifeq ($(CI),true)
NODE_CLIENTS := tests/websocket/node/node_modules/.package-lock.json
$(NODE_CLIENTS): tests/websocket/node/package-lock.json
	scripts/install_node_clients.sh
	@touch $@
endif

check: $(DEV_STAMP) $(NODE_CLIENTS) ## lint and the fast tests, some two minutes
	@$(MAKE) --no-print-directory -j2 lint webcheck
	$(BIN)/python -m pytest -q -n auto -p no:schemathesis -m "not slow"

test: check ## check and the slow tests
	$(BIN)/python -m pytest -q -n auto -m slow

SERVICES ?=
services: $(DEV_STAMP) ## start throw-away MariaDB … on free ports, until Ctrl-C (SERVICES="--flush" for figures)
	@exec $(BIN)/python scripts/services.py $(SERVICES)

bench: $(DEV_STAMP) ## measure the server on this machine
	$(BIN)/pingme bench all

FUZZ_EXAMPLES ?= 1000
fuzz: $(DEV_STAMP) ## many requests made from our OpenAPI, with a random seed (FUZZ_EXAMPLES=…)
	@seed=$${PINGME_FUZZ_SEED:-$$($(BIN)/python -c 'import secrets; print(secrets.randbits(32))')}; \
	echo "PINGME_FUZZ_SEED=$$seed"; \
	PINGME_FUZZ_SEED=$$seed PINGME_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) \
	$(BIN)/python -m pytest -q -n auto -m slow tests/security/test_fuzz.py

CHAOS ?=
chaos: $(DEV_STAMP) ## break a running server in every way, then judge what clients saw (CHAOS="--seed 7 --seconds 60")
	$(BIN)/python -m tests.chaos $(CHAOS)

ROBUST ?=
robust: $(DEV_STAMP) ## kills, floods, full disks … against a real server, half an hour (ROBUST="floods --seed 7 --json")
	@$(BIN)/python -m tests.robust --long $(ROBUST)
