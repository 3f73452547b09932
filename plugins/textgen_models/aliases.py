"""Short names of whole entries."""

RANDOM = "char-uniform"
"""The "untrained" text of the original report: every character of the alphabet is equally likely."""

ORIGINAL = "char-original:fallback_bytes=false"
"""The original network, whose output has exactly one unit per character of the text."""
