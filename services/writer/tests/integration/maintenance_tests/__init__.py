"""The tasks of maintenance on a real TimescaleDB: records and counts agree before and after, and nothing else is lost."""
