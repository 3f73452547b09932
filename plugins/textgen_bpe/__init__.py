"""The byte-pair tokenizer."""
