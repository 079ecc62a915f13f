"""Checks: what models, corpora and this machine must hold, and lists that say what is missing."""
