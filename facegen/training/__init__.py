"""One resumable training loop on accelerate, and the tasks it trains."""
