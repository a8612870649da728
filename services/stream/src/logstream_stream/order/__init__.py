"""Puts batches into one order, and names a position in it."""
