"""Batches: written as a file of requests, watched, and their results read line by line."""
