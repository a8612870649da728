"""Regular work on the storage: retention, counts, chunks. It must never delay or end flushes."""
