"""Tests of the stream service against a real broker and a real Redis."""
