"""Tests of logstream_stream.order."""
