"""Short names of whole entries, and the entries that every comparison includes as references."""

RANDOM = "char-uniform"
"""The "untrained" text of the original report: every character of the alphabet is equally likely."""

ORIGINAL = "char-original:fallback_bytes=false"
"""The original network, whose output has exactly one unit per character of the text."""

CHAR_NGRAM = "char-ngram"
"""The reference of characters from the 6 or 7 before them: what there is to learn from spelling."""

WORD_NGRAM = "word-ngram"
"""The reference of words from the 3 or 4 before them; rare words are spelled."""

CHANCE = "random"
"""The reference of characters that are all equally likely: what nothing learnt is worth."""
