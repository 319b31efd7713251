"""One arm, one question: what is sent, with which passages and examples, and what came back."""
