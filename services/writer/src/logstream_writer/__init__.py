"""The writer: moves accepted batches from the broker into TimescaleDB, each exactly once, and announces them to viewers."""
