"""Tests of logstream_stream.viewers."""
