"""The catalog of saved results: finding, naming, comparing, removing and exchanging them."""
