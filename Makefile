# make demo      train on the bundled digits and draw them, in .venv
# make test      the tests of what a user relies on, within four minutes on two cores
# make test-all  the same and the whole matrix (all recipes, pairs, kills), with the coverage
# make check     style, types, and which part may import which

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-all check clean

demo: .venv/installed
	$(BIN)/forgery train mnist

test: .venv/developer
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-all: .venv/developer
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "slow or not slow" --cov --cov-report=term

check: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist src/*.egg-info

# torch comes first and pinned: a looser request may fetch gigabytes of another build.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) torch
	$(INSTALL) --editable .
	touch $@

.venv/developer: .venv/installed
	$(INSTALL) --editable '.[dev]'
	touch $@
