"""Running: which cells where, from a trial to its record, progress, and kept models on new files."""
