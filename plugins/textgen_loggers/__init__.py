"""Bundled loggers: tensorboard, trackio, mlflow and wandb."""
