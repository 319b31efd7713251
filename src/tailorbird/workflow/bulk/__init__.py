"""Many questions or texts at once, call by call or as batches."""
