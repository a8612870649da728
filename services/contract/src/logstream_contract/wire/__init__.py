"""What crosses the wire: batches as bytes, ids, messages of the broker, the recent window in Redis."""
