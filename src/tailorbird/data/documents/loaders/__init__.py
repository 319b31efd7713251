"""Loaders of document formats; each imports the package that it needs when it is first used."""
