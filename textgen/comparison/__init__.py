"""Several entries side by side."""
