"""Short names for whole entries."""

RANDOM = "char-uniform"
"""The "untrained" text of the original write-up: every character of the alphabet equally likely."""

ORIGINAL = "char-original:fallback_bytes=false"
"""The original network: its output has one unit per character of the text and no others."""
