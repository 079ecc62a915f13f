"""The protocols, one file each, and the label maps."""
