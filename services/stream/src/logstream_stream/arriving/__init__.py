"""How stored batches reach this replica: from the broker's fanout, and from the recent window in Redis."""
