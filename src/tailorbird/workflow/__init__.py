"""The steps of the workflow: each takes contracts, data, retrieval and the journal."""
