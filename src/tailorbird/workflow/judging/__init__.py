"""Let a model judge answers, keep what it says, and measure how far it can be trusted."""
