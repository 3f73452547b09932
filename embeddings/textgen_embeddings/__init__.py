"""Word vectors through gensim: GloVe, word2vec, and files in their formats."""
