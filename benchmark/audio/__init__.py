"""Audio on its way to a model: decoding, prepared corpora on disk, and where they lie."""
