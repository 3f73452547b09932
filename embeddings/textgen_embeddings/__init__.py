"""Bundled embeddings: glove, word2vec and fasttext, through gensim or from files."""
