# Two commands for a fresh machine: `make demo` and `make test`. They need Python 3.11+, git and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.core
READY  := $(VENV)/.ready
REPORT := demo-report

# A network that is away for a moment is asked again.
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --retries 10 --timeout 60

# The tests compare small matrices: threads of a linear algebra library would only wait for each other.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: setup snapshot demo test lint docs bench clean
.DEFAULT_GOAL := test

setup: $(READY) snapshot

# An environment with the core, and what fetches packages: enough for the demo. Babel names the countries.
$(CORE): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "reliant needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing reliant into $(VENV) (once)"
	@$(INSTALL) -e '.[fetch]' Babel
	@touch $@

# The same with everything that the tests and the linters need. Made anew only when pyproject.toml changes.
$(READY): $(CORE)
	@echo "installing what the tests need into $(VENV) (once)"
	@$(INSTALL) -e '.[test]'
	@touch $@

# The records of atlas/ as one file; does nothing if no record changed.
snapshot: $(CORE)
	@$(BIN)/python -m reliant.atlas.compile --if-changed

demo: snapshot
	@$(BIN)/python examples/demo.py --reports $(REPORT)

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/reliant atlas lint

docs: setup
	$(BIN)/mkdocs build --strict --quiet --site-dir build/docs

# What can be measured with what is installed; the others (zoo, peers, gateway) say at their top how to run them.
bench: setup
	$(BIN)/python benchmarks/install/light.py
	$(BIN)/python benchmarks/atlas/run.py
	$(BIN)/python benchmarks/policy/run.py
	$(BIN)/python benchmarks/impact/simulate.py
	$(BIN)/python benchmarks/impact/hub.py --models 2000000
	$(BIN)/python benchmarks/lineage/large.py build/bench-large

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis $(REPORT) build dist
