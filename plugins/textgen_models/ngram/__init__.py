"""The model `ngram`: Kneser-Ney n-grams."""
