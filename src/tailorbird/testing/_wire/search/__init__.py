"""Azure AI Search, as far as retrieval needs it: indexes, documents, queries, filters."""
