"""Dead letters against a real TimescaleDB: one is there or its rows are, never both or neither, whatever happens."""
