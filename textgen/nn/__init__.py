"""Building blocks for models, and the adapters through which the core uses models."""
