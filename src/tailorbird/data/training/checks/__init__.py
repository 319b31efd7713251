"""What a row of a training file may hold: its shape, its messages, their content, their tools."""
