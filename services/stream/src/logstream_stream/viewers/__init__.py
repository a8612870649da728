"""Queues events for viewers, within each viewer's limits and the replica's."""
