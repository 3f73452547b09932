"""Processes, files, caches and devices; knows nothing of text or models."""
