"""Bundled backend: jobs on a Ray cluster."""
