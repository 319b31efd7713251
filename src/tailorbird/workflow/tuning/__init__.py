"""From rows to a tuned model that answers: one job a run, whatever happens on the way."""
