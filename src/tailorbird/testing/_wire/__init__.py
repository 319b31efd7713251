"""The routes of each cloud, and what stands behind them; `tailorbird.testing.wire` is the door."""
