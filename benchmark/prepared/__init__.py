"""Prepared corpora: every clip decoded once, kept on disk, found again."""
