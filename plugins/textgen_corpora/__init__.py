"""Corpora known by name, in English, in Portuguese and in the languages of one handbook; lexicons of many."""
