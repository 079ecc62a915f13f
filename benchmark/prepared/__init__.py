"""Prepared corpora: every clip decoded once, kept on disk, found again; and what is seen and read beside it."""
