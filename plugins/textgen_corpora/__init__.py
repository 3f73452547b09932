"""Corpora known by name: English Wikipedia, Lee's news, Gutenberg books, Shakespeare."""
