"""The untrained baseline."""
