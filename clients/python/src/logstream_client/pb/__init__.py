"""Generated from proto/logstream/v1/logs.proto by scripts/generate.py; nothing here is written by hand."""
