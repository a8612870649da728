"""Tests of logstream_stream.web.routes."""
