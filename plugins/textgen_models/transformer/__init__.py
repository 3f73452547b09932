"""The model `transformer`: a decoder-only transformer."""
