"""Self-contained HTML pages: one file, no network, readable without scripts."""
