"""Bytes of a user's file: what kind it is, how it is encoded, its blocks and its lines."""
