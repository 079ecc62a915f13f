"""Audio: decoding, fingerprints, and work over many files."""
