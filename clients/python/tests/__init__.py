"""Tests of logstream-client."""
