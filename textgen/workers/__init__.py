"""Processes that compute: started, prepared, heard and ended."""
