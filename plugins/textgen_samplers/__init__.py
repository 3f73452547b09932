"""Samplers: from logits to the next token."""
