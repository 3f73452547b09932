"""Corpora known by name, in English and in ten other languages; lexicons of many."""
