"""Readers of files: each format yields documents, whose text comes in pieces, in bounded memory."""
