# One command each; CI calls the same. The environment is .venv, made with pip alone; a stamp says what is installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
PYTEST := $(BIN)/python -m pytest
CODE := src tests scripts conftest.py docs/conf.py $(wildcard benchmarks examples)

.PHONY: help demo test long check format docs bench bench-overhead bench-search bench-cluster bench-dashboard bench-fuse clean

help:
	@echo "make demo    tune a real model on this machine, live"
	@echo "make test    the quick tests and the examples in the docstrings"
	@echo "make long    the long tests: crashes, many processes, convergence"
	@echo "make check   format, lint, types, imports; lines of each package"
	@echo "make format  mend what the formatter and the linter can mend"
	@echo "make docs    run the examples of the docs, then build them into docs/_build"
	@echo "make bench   the benchmarks (bench-overhead, bench-search; apart from them bench-cluster, bench-dashboard,"
	@echo "             bench-fuse)"
	@echo "make clean   remove caches and builds, not the environment"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Lanista needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing lanista[demo] into $(VENV)"
	@$(INSTALL) '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing lanista[dev] into $(VENV)"
	@$(INSTALL) '.[dev]'
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing lanista[dev,docs] into $(VENV)"
	@$(INSTALL) '.[dev,docs]'
	@touch $@ $(VENV)/.dev

demo: $(VENV)/.demo
	@$(BIN)/lanista demo
	@echo "lanista is $(BIN)/lanista; to have it on your PATH: . $(BIN)/activate"

test: $(VENV)/.dev
	@$(PYTEST) -q -n 2 --dist loadgroup $(ARGS)

long: $(VENV)/.dev
	@$(PYTEST) -q -m long --timeout 3600 $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/lines.py

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

docs: $(VENV)/.docs
	@$(PYTEST) -q tests/test_docs.py
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# The peers live in an environment of their own, which LANISTA_PEERS can put elsewhere.
LANISTA_PEERS ?= benchmarks/.venv
export LANISTA_PEERS

$(LANISTA_PEERS)/.peers: benchmarks/requirements.txt | $(BIN)/python
	@test -x $(LANISTA_PEERS)/bin/python || $(BIN)/python -m venv $(LANISTA_PEERS)
	@echo "installing the peers into $(LANISTA_PEERS)"
	@$(LANISTA_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	@touch $@

bench: bench-overhead bench-search

bench-overhead: $(VENV)/.dev $(LANISTA_PEERS)/.peers
	@$(BIN)/python -m benchmarks.overhead $(ARGS)

# The search benchmark: its peers live in one environment for each set that cannot share one. It goes on where it was.
SEARCH_PEERS := search smac hebo ax
SEARCH_RIVALS := optuna:tpe,optuna:tpe-mv,optuna:tpe-single,optuna:gp,optuna:cma,hyperopt,nevergrad,smac,hebo,ax
OPTIMIZERS ?= lanista:auto,lanista:tpe,random,$(SEARCH_RIVALS)
SUITE ?= quick
SEEDS ?= 1
BUDGET ?= 50

benchmarks/.venv-%/.peers: benchmarks/requirements-%.txt | $(BIN)/python
	@test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	@echo "installing the peers into $(@D)"
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench-search: $(VENV)/.dev $(SEARCH_PEERS:%=benchmarks/.venv-%/.peers)
	@PYTHONPATH=src benchmarks/.venv-search/bin/python -m benchmarks.search run --optimizers '$(OPTIMIZERS)' \
		--suite $(SUITE) --seeds $(SEEDS) --budget $(BUDGET)
	@PYTHONPATH=src benchmarks/.venv-search/bin/python -m benchmarks.search report --suite $(SUITE)

# Both drivers join one Ray cluster, so they share an environment.
bench-cluster: benchmarks/.venv-cluster/.peers
	@PYTHONPATH=src benchmarks/.venv-cluster/bin/python -m benchmarks.cluster $(ARGS)

# Both dashboards, each out of its own environment, in one Chromium: make bench-dashboard ARGS="--quick --write"
bench-dashboard: $(VENV)/.dev benchmarks/.venv-dashboard/.peers
	@$(BIN)/python -m benchmarks.dashboard $(ARGS)

# Fused training: make bench-fuse ARGS="--quick --write", or one of its commands: make bench-fuse FUSE=search
FUSE ?= step search backbone
bench-fuse: $(VENV)/.dev
	@for command in $(FUSE); do $(BIN)/python -m benchmarks.fuse $$command $(ARGS) || exit 1; done

clean:
	@rm -rf build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests scripts docs -name __pycache__ -type d -prune -exec rm -rf {} +
