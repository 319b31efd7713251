"""How the fake makes up an answer: what it learned, in which style, from which passages."""
