# The five commands that matter are `make demo`, `make check`, `make test`, `make bench` and
# `make help`. Each of them works from a clean clone: it makes .venv and builds what it needs.

# Looked up before .venv comes first in PATH: a venv must not be made from itself.
PYTHON := $(or $(PYTHON),$(shell command -v python3),/usr/bin/python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -q
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHON

# Folders are named too: their time changes when a file is added or goes away.
SOURCES := pyproject.toml CMakeLists.txt \
	$(shell find cpp python -name __pycache__ -prune -o \( -type f -o -type d \) -print)
CPP_FILES = $(shell find cpp tests -name '*.h' -o -name '*.hpp' -o -name '*.cpp')
PY_PLACES = python tests examples scripts $(wildcard benchmarks tools)

# Address randomisation with more bits than TSan knows ends it at start: switched off where allowed.
NO_ASLR = $(shell setarch -R true 2>/dev/null && echo setarch -R)
# How long each fuzz harness runs.
SECONDS = 20
# Where there is no doctest the native tests are left out, except where nothing may be.
DOCTEST = $(wildcard /usr/include/doctest/doctest.h /usr/local/include/doctest/doctest.h)

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/dev.stamp  ## make .venv with microjoule and every tool of the project in it

.PHONY: system
system:  ## install the Debian packages that the tests need (prints them first; NO_SYSTEM=1 forbids)
	@scripts/system.sh test

.PHONY: demo
demo: system-demo $(VENV)/demo.stamp  ## measure a real training and real inferences (SIM=1: against simulated sensors)
ifeq ($(SIM),1)
	@$(BIN)/python examples/simulated.py -- $(BIN)/uj run -- $(BIN)/python examples/train_and_serve.py
else
	@$(BIN)/uj run -- $(BIN)/python examples/train_and_serve.py
endif

.PHONY: check
check: lint types native-release  ## the quick checks, under two minutes: lint, types, format, fast tests
	$(BIN)/pytest -m "not slow"

.PHONY: test
test: system-test lint types native-release native-asan native-tsan fuzz  ## everything: system packages, checks, native tests with sanitizers, fuzzing for 20 s each, all of pytest
	$(BIN)/pytest

# The CPU build of torch alone: the usual one brings gigabytes. Where it cannot be had nothing fails.
TORCH := .cache/torch
.PHONY: test-torch
test-torch: $(VENV)/dev.stamp  ## what needs torch: counted operations, the Trainer of transformers (an environment, kept in .cache)
	@test -e $(TORCH)/done || scripts/torch.sh $(TORCH) || { echo "not run: torch cannot be had here"; exit 0; }
	@test ! -e $(TORCH)/done || $(BIN)/pytest -m torch tests/compat

# Where atheris has no wheel for this Python, the settings are not fuzzed, and the script says so.
.PHONY: fuzz
fuzz: $(VENV)/dev.stamp  ## fuzz every parser of outside text or bytes (SECONDS=20 for each of them)
	@$(PIP) install --group fuzz 2>/dev/null || true
	@PYTHON=$(BIN)/python scripts/fuzz.sh $(SECONDS)

.PHONY: bench
bench: $(VENV)/dev.stamp  ## the benchmarks (benchmarks/README.md says how to read them)
	$(PIP) install --group bench
	$(BIN)/pytest benchmarks

.PHONY: bench-peers
bench-peers: $(VENV)/dev.stamp  ## the benchmarks beside other meters, each in its own environment below .cache (root, 40 minutes)
	$(PIP) install --group bench
	$(BIN)/python benchmarks/peers/run.py

.PHONY: docs
docs: $(VENV)/install.stamp  ## docs/ as HTML in build/docs
	$(PIP) install --group docs
	$(BIN)/sphinx-build -q -b html $(if $(wildcard docs/conf.py),,-C -D extensions=myst_parser -D root_doc=architecture -D html_theme=furo -D suppress_warnings=toc.not_included) docs build/docs
	@echo "build/docs/$(if $(wildcard docs/conf.py),index,architecture).html"

.PHONY: format
format: $(VENV)/dev.stamp  ## put Python and C++ files into the house style
	$(BIN)/ruff check --fix-only -q $(PY_PLACES)
	$(BIN)/ruff format -q $(PY_PLACES)
	$(BIN)/clang-format -i $(CPP_FILES)

.PHONY: clean
clean:  ## remove everything that was built, and .venv
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find python tests examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the parts ------------------------------------------------------------------------------------

# `make demo` wants a compiler and nothing else; without the right to install, it tries all the same.
.PHONY: system-demo
system-demo:
	@scripts/system.sh $(if $(filter 1,$(SIM)),bed,build) || true

.PHONY: system-test
system-test:
	@scripts/system.sh test || true

.PHONY: lint
lint: $(VENV)/dev.stamp
	$(BIN)/ruff check $(PY_PLACES)
	$(BIN)/ruff format --check $(PY_PLACES)
	@echo "clang-format --dry-run"
	@$(BIN)/clang-format --dry-run -Werror $(CPP_FILES)

.PHONY: types
types: $(VENV)/dev.stamp
	$(BIN)/mypy --strict python/microjoule tests/sim examples

.PHONY: native-release native-asan native-tsan
native-release native-asan native-tsan: native-%: $(VENV)/dev.stamp
ifneq ($(DOCTEST)$(MICROJOULE_REQUIRE_BED),)
	$(BIN)/cmake --preset $* --log-level=WARNING
	$(BIN)/cmake --build --preset $*
	$(if $(filter tsan,$*),$(NO_ASLR)) $(BIN)/ctest --preset $* --no-tests=error
else
	@echo "native tests ($*) left out: doctest-dev is missing (make system)"
endif

# The order is a chain, so that two of these never run pip in one folder at the same time.
$(VENV)/tools.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install --group build
	touch $@

# A wheel, not an editable install: what is tested is what a user gets.
$(VENV)/install.stamp: $(VENV)/tools.stamp $(SOURCES)
	$(PIP) install --no-build-isolation .
	touch $@

$(VENV)/demo.stamp: $(VENV)/install.stamp examples/requirements.txt
	$(PIP) install -r examples/requirements.txt
	touch $@

$(VENV)/dev.stamp: $(VENV)/install.stamp
	$(PIP) install --group dev
	touch $@
