"""Anybody's split, read from a file and held against the leak checks."""
