"""Jobs: what is computed in a process of its own, here or elsewhere, and kept."""
