"""Advisory locks of the database by which writers heed each other."""

from typing import Final

# Held shared by every flush from before its batches get their numbers until its commit. Whoever holds it alone knows that
# all numbers given so far are committed or never will be.
FLUSHING: Final = 0x6C6F_6773_666C_7368  # "logsflsh"

SHARE_FLUSHING: Final = f"SELECT pg_advisory_xact_lock_shared({FLUSHING})"
HOLD_FLUSHING: Final = f"SELECT pg_advisory_xact_lock({FLUSHING})"
