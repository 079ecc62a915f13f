"""Evidence: what run folders hold, and what may be put together to one result."""
