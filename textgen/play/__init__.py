"""A page on which people write with runs: a server of this machine, and a process that holds the models."""
