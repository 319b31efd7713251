"""Documents for retrieval: found, read, checked, and cut into chunks."""
