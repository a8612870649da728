"""Tests of logstream_stream.records."""
