"""Lexicons of many languages: the word lists and spelling dictionaries that the operating system has."""
