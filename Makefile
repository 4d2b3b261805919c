# Thread counts: the machine's cores are shared by what runs here, so nothing spins on them.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup demo test check docs fix bench bench-quality bench-text bench-normaliser bench-language bench-rules bench-ledger bench-score clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(READY)  ## a .venv with everything

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

demo: $(READY)  ## train, evaluate, decide and report on the packs
	$(BIN)/gatehouse demo

test: $(READY)  ## all tests
	$(BIN)/pytest -n 2 --dist loadgroup

check: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## write the pages that code writes
	GATEHOUSE_WRITE_DOCS=1 $(BIN)/pytest -q tests/flows/test_one_event.py

fix: $(READY)  ## mend format and lint where a machine can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-text bench-quality bench-normaliser bench-language bench-rules bench-ledger bench-score  ## all benchmarks

bench-quality: $(READY)  ## linear detectors against TF-IDF + logistic regression, paired
	$(BIN)/python benchmarks/quality.py

bench-text: $(READY)  ## speed and size of the linear detector
	$(BIN)/python benchmarks/text.py

bench-normaliser: $(READY)  ## recall under obfuscation, false positives added
	$(BIN)/python benchmarks/normaliser.py

bench-language: $(READY)  ## who is taken for another language
	$(BIN)/python benchmarks/language.py

bench-rules: $(READY)  ## evaluations of 200 rules a second
	$(BIN)/python benchmarks/rules.py

bench-ledger: $(READY)  ## commits a second, and what durability costs
	$(BIN)/python benchmarks/ledger.py

bench-score: $(READY)  ## a million texts through all packs
	$(BIN)/python benchmarks/score.py

clean:  ## remove what was made here
	rm -rf .venv .gatehouse demo-output .mypy_cache .ruff_cache .pytest_cache
	find src -name __pycache__ -type d -exec rm -rf {} +
