"""Running: one call of `run`, from a trial to its record, progress, and kept models on new files."""
