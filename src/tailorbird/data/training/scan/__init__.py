"""Pass over the plain rows of a training file at the speed of its bytes, without parsing them."""
