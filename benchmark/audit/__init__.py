"""Anybody's split, read from a file and asked for leaks by the rules of the gate."""
