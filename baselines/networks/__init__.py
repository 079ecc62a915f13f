"""The trainable networks, one file each; imported only when a model is built."""
