"""Building blocks for models: the toolkit of plugin authors."""
