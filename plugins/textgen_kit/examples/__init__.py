"""One small, complete component of each kind. A new project begins as a copy."""
