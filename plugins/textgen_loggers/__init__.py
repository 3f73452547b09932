"""Bundled loggers: tensorboard, mlflow and wandb."""
