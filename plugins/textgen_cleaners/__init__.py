"""Bundled cleaners: raw (unchanged), prose (repaired prose), letters (lower-case letters and spaces)."""
