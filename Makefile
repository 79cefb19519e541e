# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := $(sort $(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)))
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint up logs bench schemas env clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml $(addsuffix pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Osiris needs Python 3.11 or newer, found $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

demo: $(STAMP)  ## replay bundled bars through the whole desk, a few proposals, then a summary
	@$(BIN)/osiris demo

up: $(STAMP)  ## run the desk until Ctrl-C
	@$(BIN)/osiris up

logs:  ## follow the log of one service of the desk that `up` runs: make logs SVC=phi3
	@tail -n 40 -F $${OSIRIS_HOME:-.osiris}/logs/$(SVC).log

test: $(STAMP)  ## the whole suite, in parallel
	@$(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(STAMP)  ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy libs services

bench: $(STAMP)  ## ratios, measured in one run
	@$(BIN)/python -m tests.bench

schemas: $(STAMP)  ## export the contracts to docs/schemas
	@$(BIN)/python -m osiris_contracts docs/schemas

env: $(STAMP)  ## write .env.template from the settings
	@$(BIN)/python tools/env_template.py > .env.template

clean:  ## remove the environment and everything the desk wrote
	rm -rf $(VENV) .osiris
