"""Decodes batches into records, selects them, and renders them as events."""
