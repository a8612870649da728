"""The ingest gateway: receives logs over gRPC and answers once the broker has confirmed them."""
