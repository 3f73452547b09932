"""Measurements of textgen: speed, coverage, seeds, advice, and the tables and figures made of them."""
