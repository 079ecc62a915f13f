"""The corpora: one file per adapter, from a folder in its original layout to the utterance table."""
