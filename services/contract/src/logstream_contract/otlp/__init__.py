"""OTLP: from the logs of OpenTelemetry's senders to batches of ours. docs/otlp.md says what becomes of what."""
