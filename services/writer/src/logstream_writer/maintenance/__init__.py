"""What the storage needs from time to time: retention, counts, chunks. It must never hold up or end the flushes."""
