"""Measurements of textgen: suites, speed, scaling and tuning, and the tables and figures made of them."""
