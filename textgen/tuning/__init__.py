"""Tuning: options are searched with Optuna, and the best ones compared with the default."""
