"""The word tokenizer."""
