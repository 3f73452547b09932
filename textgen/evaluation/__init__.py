"""Scores, intervals, baselines and metrics of generated text."""
