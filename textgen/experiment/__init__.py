"""One entry, from text to a scored run."""
