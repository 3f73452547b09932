"""The tokenizers that need nothing but a text."""

from __future__ import annotations

from textgen.registry.registry import names

FROM_FILES = {"hf", "tiktoken"}
"""Those that are read from a file; `tests/bundled/test_pretrained_tokenizers.py` is about them."""
FITTED = [name for name in names("tokenizer") if name not in FROM_FILES]
