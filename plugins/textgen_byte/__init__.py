"""The byte tokenizer."""
