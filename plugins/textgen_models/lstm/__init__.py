"""The model `lstm`: a stacked LSTM."""
