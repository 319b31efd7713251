"""What lets a step be taken once: leases, shields, patience, careful listings."""
