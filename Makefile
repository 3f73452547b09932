PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := textgen plugins embeddings benchmarks docs tests

# A worker per core, at most 8: each needs up to a gigabyte of memory. What the tests of a file share is made
# once, since one worker runs them all; the files that take longest come first (tests/conftest.py).
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: bench test test-all quick lint ruff mypy pytest docs notebook release site install clean
# The main job: a character LSTM, a word LSTM that starts from GloVe vectors, and pure chance, side by side.
bench: $(VENV)/.installed
	$(BIN)/textgen bench char-lstm word-lstm-glove random

# The linters and the fast tests, as CI runs them, on all cores. Types are checked while tests wait for what they
# started.
test: ruff
	$(MAKE) --no-print-directory --jobs 2 --output-sync=none mypy pytest

# The linters, and the tests that neither start another Python nor train at length.
quick: lint
	$(PYTEST) --quick -m "not slow and not long"

lint: ruff mypy

ruff: $(VENV)/.installed-test
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/codespell *.md $(filter-out tests,$(SOURCES))

mypy: $(VENV)/.installed-test
	$(BIN)/mypy

pytest: $(VENV)/.installed-test
	$(PYTEST) -m "not long"

# Those that are left out too: kills of benches and studies, Ray, notebooks. Run them before a release.
test-all: lint
	$(PYTEST)

# The JSON Schema of results and the table of commands, after a change of what is saved or of a command.
docs: $(VENV)/.installed
	$(BIN)/python docs/schema.py
	$(BIN)/python docs/commands.py

# The tutorial with its outputs, after a change of its code or of what it shows.
notebook: $(VENV)/.installed-test
	$(BIN)/python docs/notebook.py

# The documentation site, in build/site; a link that leads nowhere is an error. It shows the newest report of
# `make bench`; if there is none, that runs first and takes about four minutes.
REPORTS := runs/char-lstm_word-lstm-glove_random-wiki-60s-*/bench.json
site: $(VENV)/.installed $(VENV)/.installed-site $(or $(wildcard $(REPORTS)),bench)
	$(BIN)/python docs/pages.py $(REPORTS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What is published: the last commit, checked and built twice into dist/; a person uploads it (CONTRIBUTING.md).
release: $(VENV)/.made
	$(BIN)/python docs/release.py

install: $(VENV)/.installed

# Python compiles what is imported, not all of torch: half a minute less. It must be allowed to keep that:
# otherwise every process that starts compiles torch again.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/pip install --quiet --no-compile --editable

# With a pip that knows dependency groups.
$(VENV)/.made:
	$(PYTHON) -m venv --upgrade-deps $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(INSTALL) ".[glove,ppmd]"
	touch $@

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml
	$(INSTALL) ".[all,ray]" --group test
	touch $(VENV)/.installed $@

$(VENV)/.installed-site: $(VENV)/.made pyproject.toml
	$(INSTALL) . --group site
	touch $@

clean:
	rm -rf $(VENV)
