"""Bundled samplers: temperature, top-k, top-p, min-p, typical, greedy."""
