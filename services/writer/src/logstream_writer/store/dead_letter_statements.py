"""The SQL of the dead letters."""

from typing import Final

_US: Final = "(extract(epoch FROM {0}) * 1000000)::bigint"
# Named as the fields of DeadLetter.
_DEAD_LETTER: Final = (
    f"id, digest, project, reason, detail, batch_id, sequence, {_US.format('received_at')} AS received_us, "
    f"{_US.format('created_at')} AS created_us, body"
)
_SELECTED: Final = """
(%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s)) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
AND (%(since_s)s::float8 IS NULL OR created_at >= now() - make_interval(secs => %(since_s)s))
"""

BY_ID: Final = f"SELECT {_DEAD_LETTER} FROM dead_letters WHERE id = %s"
NEWEST: Final = f"SELECT {_DEAD_LETTER} FROM dead_letters WHERE {_SELECTED} ORDER BY id DESC LIMIT %(limit)s"
TOTALS: Final = f"SELECT reason, count(*) FROM dead_letters WHERE {_SELECTED} GROUP BY reason ORDER BY reason"
IDS: Final = f"SELECT id FROM dead_letters WHERE {_SELECTED} ORDER BY id"

# The process that deletes it has it: another process waits for the commit and then finds nothing.
TAKE: Final = f"DELETE FROM dead_letters WHERE id = %s RETURNING {_DEAD_LETTER}"
STILL_REFUSED: Final = "UPDATE dead_letters SET detail = %s WHERE id = %s"

NOW: Final = f"SELECT {_US.format('now()')}"

_INBOX: Final = f"SELECT number, records, {_US.format('received_at')}, refused, digest FROM batches"
INBOX_BY_ID: Final = f"{_INBOX} WHERE project = %s AND batch_id = %s"
INBOX_BY_NUMBER: Final = f"{_INBOX} WHERE number = %s"

# The record's time lies within its batch's, unless the retention was changed since: what is looked for by its sequence is
# looked for within these times.
ACCEPT: Final = """
UPDATE batches SET refused = nullif(array_remove(refused, %(index)s), '{}'),
    time_from = least(time_from, timestamptz 'epoch' + %(time_us)s * interval '1 microsecond'),
    time_to = greatest(time_to, timestamptz 'epoch' + %(time_us)s * interval '1 microsecond')
WHERE number = %(number)s AND %(index)s = ANY(refused)
"""

# By its new number the search index learns of the record: it has been through the batch's own.
INSERT_REPLAYED: Final = """
INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at, replayed)
SELECT %(project)s, %(batch_id)s, %(digest)s, 1, moment, moment, now(), %(sequence)s
FROM (SELECT timestamptz 'epoch' + %(time_us)s * interval '1 microsecond' AS moment) AS given
ON CONFLICT (project, batch_id) DO NOTHING
"""
