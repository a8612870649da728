"""Tests of logstream_stream.arriving."""
