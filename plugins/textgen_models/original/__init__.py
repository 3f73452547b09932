"""The network that textgen grew from."""
