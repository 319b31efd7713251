"""Vector stores: what they are asked with, what stands in them, how files get in."""
