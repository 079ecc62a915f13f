"""The models, one file each, and the registry that plugins use too."""
