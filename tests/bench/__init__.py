"""The benchmark: what logstream takes, what it costs, and whether anything was lost. `make bench` runs it."""
