"""Bundled readers of files: HTML, EPUB, CSV, Parquet and JSON lines."""
