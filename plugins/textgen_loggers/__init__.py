"""The bundled logger: tensorboard."""
