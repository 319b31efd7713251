"""Files: streamed up from where they lie, in one request or in parts, and down again."""
