"""Shows stored records to browsers as they come: server-sent events from the broker's fanout, in the order of one sequencer.
It must not store anything, and never show what is not stored."""
