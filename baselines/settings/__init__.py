"""The settings of networks, one file each: what the card offers and the network reads; nothing heavy is imported."""
