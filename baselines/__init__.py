"""The models, one file each, their shared front ends, and the registry that plugins use too."""
