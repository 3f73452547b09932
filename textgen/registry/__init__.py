"""Finding, loading and describing plugins, and naming the one responsible for an error."""
