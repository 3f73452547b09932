"""The checks of each kind of component."""
