"""Batches of the fake: their lines, and how they live by the virtual clock."""
