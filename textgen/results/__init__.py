"""Results: what runs measured, what is judged from it, and the folders that hold it."""
