"""Questions with their answers: read from a file, grouped by fact, divided for measuring."""
