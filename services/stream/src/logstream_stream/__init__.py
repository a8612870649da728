"""Sends stored records to browsers as they arrive: server-sent events from the broker's fanout, in one order.

It must not store anything, and must never show a record that is not stored. A batch passes through the rooms in this order:
arriving, order, records, viewers, web."""
