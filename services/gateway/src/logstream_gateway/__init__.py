"""The ingest gateway: takes logs over gRPC and answers once the broker has confirmed them."""
