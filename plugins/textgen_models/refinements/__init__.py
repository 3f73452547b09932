"""Refinements of models: each changes the predictions of another model by what it has read."""
