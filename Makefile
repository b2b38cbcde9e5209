# fastcine: set-up, tests, benchmarks. `make` alone prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= fastcine-data
PORT ?= 8080
T ?= tests
WORKERS := $(shell nproc 2>/dev/null || echo 2)
SOURCES := setup.py pyproject.toml $(wildcard ext/*.pyx ext/*.c ext/*.h) viewer/package-lock.json viewer/vendor.mjs

.PHONY: help setup run test lint types fix soak bench browser clean distclean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit("fastcine needs Python 3.11 or newer; say make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,lint]'
	cd viewer && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

setup: $(VENV)/.installed ## everything installed and built into .venv

run: $(VENV)/.installed ## serve at http://127.0.0.1:8080 (DICOM=path ingests that first; PORT=, DATA=)
	@$(BIN)/fastcine serve --data "$(DATA)" --port $(PORT) $(if $(DICOM),--ingest "$(DICOM)",--phantom)

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium; } \
	|| { echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium) and run again."; exit 1; }

test: $(VENV)/.tested browser ## every test, browser tests included
	cd viewer && npm test --silent
	$(BIN)/python -m pytest $(T) -m "not soak" -n $(WORKERS) --dist loadscope

lint: $(VENV)/.tested ## ruff, cython-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/cython-lint ext/*.pyx

types: $(VENV)/.tested ## mypy --strict, tsc --checkJs --strict
	$(BIN)/mypy
	cd viewer && npx --no-install tsc -p .

fix: $(VENV)/.tested ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.tested browser ## the long tests: kills, cuts, sizes
	$(BIN)/python -m pytest tests -m soak

bench: $(VENV)/.tested browser ## the benchmarks, with a table
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m bench

clean: ## remove what was built (not the data folder)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks $(VENV) viewer/node_modules viewer/vendor
	find fastcine -name '*.so' -delete; find . -name __pycache__ -type d -prune -exec rm -rf {} +; rm -f ext/_*.c
