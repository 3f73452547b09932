"""The stacked LSTM."""
