# make demo      train on the bundled digits and draw them, in .venv
# make demo-pictures  draw a folder of pictures, and train on it with pretrained features
# make test      the tests of what a user relies on, within four minutes on two cores
# make test-all  the same and the whole matrix (all recipes, pairs, kills), with the coverage
# make check     style, types, and which part may import which
# make docs      the documentation as a site, in build/site; a broken link is an error
# make dist      the wheel and the source archive, in dist; each is installed and tried

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo demo-pictures test test-all check docs dist clean

demo: .venv/installed
	$(BIN)/forgery train mnist

demo-pictures: .venv/features shapes
	$(BIN)/forgery train shapes --minutes 5

shapes: .venv/installed
	$(BIN)/python benchmarks/make_shapes.py shapes

test: .venv/developer
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-all: .venv/developer
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "slow or not slow" --cov --cov-report=term

check: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/developer
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

dist: .venv/developer
	rm -rf dist
	$(BIN)/python -m build --quiet --no-isolation
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python .ci/try_archives.py

clean:
	rm -rf .venv build dist shapes src/*.egg-info

# torch comes first and pinned: a looser request may fetch gigabytes of another build.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) torch
	$(INSTALL) --editable .
	touch $@

.venv/features: .venv/installed
	$(INSTALL) --editable '.[features]'
	touch $@

.venv/developer: .venv/installed
	$(INSTALL) --editable '.[dev]'
	touch $@
