# Two commands do everything: `make reproduce` (the main job) and `make test`.
PYTHON ?= python3
BIN := .venv/bin
SCALE ?= quick
REPORT ?= report

.PHONY: help reproduce test lint format types benchmark clean

help:
	@echo "make reproduce   set up .venv, judge all studies at scale $(SCALE), write $(REPORT)/index.html"
	@echo "make test        set up .venv, run linters, types and all tests"
	@echo "make benchmark   speed against what one would use instead (needs torch)"
	@echo "make format      let ruff format the code"

.venv/base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/dev: .venv/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

reproduce: .venv/base
	$(BIN)/stepwell check --scale $(SCALE) --report $(REPORT)

test: .venv/dev lint types
	$(BIN)/python -m pytest

lint: .venv/dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: .venv/dev
	$(BIN)/pyright

format: .venv/dev
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

benchmark: .venv/dev
	$(BIN)/python -m benchmarks all

clean:
	rm -rf .venv report build dist .pytest_cache .ruff_cache
