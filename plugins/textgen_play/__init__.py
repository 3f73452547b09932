"""Runs as servers: a page on which people write with them (`textgen play`), and an API (`serve`)."""
