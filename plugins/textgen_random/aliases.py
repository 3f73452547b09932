"""Short names for whole entries."""

RANDOM = "char-random"
"""The "untrained" text of the original write-up: every character of the alphabet equally likely."""
