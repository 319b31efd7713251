"""Test questions that a model writes, and whether they test what they seem to test."""
