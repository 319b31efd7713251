"""What things cost, by prices that somebody looked up."""
