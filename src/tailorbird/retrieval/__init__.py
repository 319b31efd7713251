"""Where chunks are kept and found, and how they are shown to a model and cited."""
