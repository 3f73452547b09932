"""Bundled commands: ONNX files, scores of lm-eval, and a tour."""
