"""One model trained by several processes, which torch calls ranks."""
