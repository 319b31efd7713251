"""What a test needs: the conformance suite for providers and engines, and the pytest plugin."""
