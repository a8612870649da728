"""The SQL on the Community edition of TimescaleDB."""
