"""Cleaners: raw (as it is), clean (repaired prose), seed (lower-case letters only)."""
