"""What a machine with its GPU can do, measured by programs one after another and kept in one file."""
