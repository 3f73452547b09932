"""A live page on which people write with runs: `textgen play`."""
