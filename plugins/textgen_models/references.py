"""Entries that every comparison includes as references: counting, which trains in a second, and chance."""

CHAR_NGRAM = "char-ngram"
"""Characters from the 6 or 7 before them: what there is to learn from spelling."""

WORD_NGRAM = "word-ngram"
"""Words from the 3 or 4 before them; rare words are spelled."""

RANDOM = "random"
"""Every character of the training text equally likely: what nothing learnt is worth."""
