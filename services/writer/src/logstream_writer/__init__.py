"""The writer: drains the broker into TimescaleDB, each accepted batch exactly once, and tells the viewers."""
