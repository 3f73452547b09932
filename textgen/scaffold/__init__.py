"""New projects for plugin authors: `textgen plugins new`."""
