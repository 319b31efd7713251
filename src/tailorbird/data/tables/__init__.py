"""Rows of questions and answers: their columns, their cells, and what is wrong with them."""
