"""Documents into an index, and passages out of it."""
