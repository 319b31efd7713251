"""Arms against each other on the same questions: scores, summaries, the verdict."""
