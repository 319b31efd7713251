"""Training files: their rules, their examples, and every check before an upload."""
