"""From the bytes of a batch to its rows, and from rows to the JSON that services return."""
