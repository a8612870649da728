"""The command `dead-letters`: lists, shows, replays and deletes what was not stored as records. It must need neither broker
nor Redis, and never store a record by any other way than a flush does."""
