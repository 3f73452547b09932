"""The stacked GRU."""
