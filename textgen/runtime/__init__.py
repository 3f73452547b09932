"""This machine and this process, and messages; independent of texts and models."""
