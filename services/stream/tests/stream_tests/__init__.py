"""Tests of the stream service; those below integration need real servers."""
