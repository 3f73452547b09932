"""The character tokenizer."""
