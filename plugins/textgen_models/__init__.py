"""Bundled models: lstm, gru, transformer, ngram, original, uniform."""
