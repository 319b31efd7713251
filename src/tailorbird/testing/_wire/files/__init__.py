"""Files and uploads in parts, taken from forms piece by piece."""
