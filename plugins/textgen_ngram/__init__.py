"""Kneser-Ney n-grams."""
