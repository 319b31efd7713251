"""The way out: take a model along, record what it says, prove its successor no worse."""
