"""Programs that measure textgen against plain references, in one run, as ratios."""
