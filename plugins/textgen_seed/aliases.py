"""Short names for whole entries."""

SEED = "char-seed:fallback_bytes=false"
"""The original as it was: its output has one unit per character of the text and no others."""
