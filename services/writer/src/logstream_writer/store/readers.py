"""What the group role logstream_readonly, for people who read with SQL, may see. Roles are created when the database is set
up (the writer's own user may not create them); a role that is created later gets its rights at the writer's next start."""

from typing import Final

import sqlalchemy

READERS: Final = "logstream_readonly"

# Not dead_letters: its bytes are unchecked, may be large, and may be of any project. Its view says what they are. The tables
# of the search index tell a person nothing.
READABLE: Final = (
    "logs",
    "batches",
    "log_counts",
    "log_rollups",
    "logs_readable",
    "log_counts_readable",
    "dead_letters_readable",
    "storage_readable",
)

# The privilege on a relation that is missing is NULL: it is left out here, and the code that needs the relation reports it.
_UNREADABLE: Final = """
SELECT name FROM pg_roles, unnest(CAST(:names AS text[])) AS name
WHERE rolname = :role AND NOT has_table_privilege(rolname, to_regclass(name), 'SELECT')
"""


def let_read(connection: sqlalchemy.Connection) -> bool:
    """Grants the group role, where there is one, what it may not read yet; whether there was anything. Needs the owner.

    A grant on the hypertable reaches its chunks, those to come included.
    """
    names = connection.execute(sqlalchemy.text(_UNREADABLE), {"names": list(READABLE), "role": READERS}).scalars().all()
    if names:
        connection.execute(sqlalchemy.text(f"GRANT USAGE ON SCHEMA public TO {READERS}"))
        connection.execute(sqlalchemy.text(f"GRANT SELECT ON {', '.join(names)} TO {READERS}"))
    return bool(names)
