"""Providers: one folder each, with the same file names in each; none knows another."""
