"""The command `dead-letters`: lists, shows, replays and deletes what could not be stored as records. It must not need the
broker or Redis, and must store records in the same way as a flush."""
