PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := textgen plugins embeddings benchmarks docs tests

.PHONY: bench test docs install clean
# The main job: a character LSTM, a word LSTM that starts from GloVe vectors, and pure chance, side by side.
bench: $(VENV)/.installed
	$(BIN)/textgen bench char-lstm word-lstm-glove random

# Every check, as CI runs it.
test: $(VENV)/.installed-test
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/pytest

# The page of contracts, after a change of textgen/api.py.
docs: $(VENV)/.created
	$(BIN)/python docs/contracts.py
	$(BIN)/python docs/schema.py

install: $(VENV)/.installed

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	$(BIN)/pip install --quiet --editable ".[glove]"
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[glove,test]"
	touch $@

clean:
	rm -rf $(VENV)
