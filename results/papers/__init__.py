"""Published claims, the verdict on each, and the tables of papers regenerated."""
