"""Questions: what can be asked of evidence, and the tests that answer."""
