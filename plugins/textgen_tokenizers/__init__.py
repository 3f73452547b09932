"""Bundled tokenizers: char, word, byte, bpe."""
