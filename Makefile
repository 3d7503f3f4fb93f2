# Everything a contributor types. A fresh machine needs Python ≥ 3.10 and make; the first target that needs .venv makes it.

PYTHON ?= python3
PHOTO  ?=
BIN    := .venv/bin
READY  := .venv/.ready
# Tests run one process per core, so each of them gets one thread.
TEST_ENV := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help venv install demo studio test lint format clean

help:            ## this list
	@awk -F ':.*## ' '/^[a-z]+: .*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(BIN)/python      ## an empty virtual environment in .venv

install: $(READY)        ## .venv with the package (editable) and its tools

demo: $(READY)           ## styles of a real photo as a page with before and after (PHOTO=~/me.jpg for your own)
	$(BIN)/mapsto demo $(if $(PHOTO),"$(PHOTO)")

studio: $(READY)         ## Mapsto in a browser, on this machine alone (PORT=8123)
	$(BIN)/mapsto studio $(if $(PORT),--port $(PORT))

test: $(READY)           ## all tests
	$(TEST_ENV) $(BIN)/pytest -n auto

lint: $(READY)           ## ruff and mypy, as strict as they go
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)         ## rewrite the sources the way ruff likes them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:           ## remove what the tools left behind; .venv stays
	rm -rf build dist demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests recipes benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Mapsto needs Python 3.10 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

# The stamp is made anew when the dependencies may have changed.
$(READY): pyproject.toml constraints-cpu.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints-cpu.txt -e '.[dev]'
	@touch $@
