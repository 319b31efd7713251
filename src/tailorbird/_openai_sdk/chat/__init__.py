"""Chat calls on either surface: planned, sent, read whole or as a stream."""
