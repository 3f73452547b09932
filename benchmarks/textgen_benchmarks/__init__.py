"""Measurements of textgen: speed, seeds, advice, and the tables and figures made of them."""
