"""Chat completions and responses: two dialects of one question to the fake."""
