"""The Python interface: what the command line does, as functions that return values and print nothing."""
