# The commands of this repository. `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m

.PHONY: demo test coverage bench chaos clean help

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: $(VENV)/.run  ## the whole job on an invented company: ERP and broker in, vouchers out
	$(BIN)/hedgebridge demo

test: $(VENV)/.test  ## everything that has to hold: style, types, import rules, tests
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(BIN)/lint-imports
	$(RUN) pytest -n 3 -rs $(PYTEST_OPTIONS)

coverage: $(VENV)/.test  ## the tests once more under branch coverage, about three times as long
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest -n 2 $(PYTEST_OPTIONS)
	$(RUN) coverage combine -q
	$(RUN) coverage report --fail-under=85

bench: $(VENV)/.test  ## measure, side by side in one run, and write var/bench/summary.json
	$(RUN) benchmarks

chaos: $(VENV)/.test  ## kill, cut, delay and empty everything, then count the ERPs' books; about eight minutes
	$(RUN) chaos $(CHAOS_OPTIONS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("HedgeBridge needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/.run

clean:  ## forget the environment and everything that was made
	rm -rf $(VENV) var build *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .hypothesis
