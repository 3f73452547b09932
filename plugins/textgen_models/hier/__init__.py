"""The model `hier`: an LSTM over characters that is told about the words before."""
