"""Corpora known by name, in English and in the languages of one handbook; lexicons of many."""
