"""The SQL of a flush."""

from logstream_writer.store.copy_format import COLUMNS

# Sorted by the caller, so that two writers with the same ids wait for each other and never deadlock.
INSERT_BATCHES = """
INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)
SELECT project, batch_id, digest, records,
       timestamptz 'epoch' + from_us * interval '1 microsecond',
       timestamptz 'epoch' + to_us * interval '1 microsecond',
       timestamptz 'epoch' + received_us * interval '1 microsecond'
FROM unnest(%s::text[], %s::uuid[], %s::bytea[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[])
     AS given (project, batch_id, digest, records, from_us, to_us, received_us)
ON CONFLICT (project, batch_id) DO NOTHING
RETURNING project, batch_id, number
"""

KNOWN_BATCHES = """
SELECT project, batch_id, number, digest, refused
FROM batches JOIN unnest(%s::text[], %s::uuid[]) AS given (project, batch_id) USING (project, batch_id)
"""

COPY_LOGS = f"COPY logs ({COLUMNS}) FROM STDIN (FORMAT BINARY)"

INSERT_COUNTS = """
INSERT INTO log_counts (bucket, node, level, severity, count)
SELECT timestamptz 'epoch' + bucket_us * interval '1 microsecond', node, level, severity, count
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::bigint[])
     AS given (bucket_us, node, level, severity, count)
"""

INSERT_DEAD_LETTERS = """
INSERT INTO dead_letters (digest, project, batch_id, sequence, reason, detail, body, received_at)
SELECT digest, project, batch_id, sequence, reason, detail, body,
       timestamptz 'epoch' + received_us * interval '1 microsecond'
FROM unnest(%s::bytea[], %s::text[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::bigint[])
     AS given (digest, project, batch_id, sequence, reason, detail, body, received_us)
ON CONFLICT (digest) DO NOTHING
RETURNING reason
"""

MARK_REFUSED = "UPDATE batches SET refused = %s WHERE project = %s AND batch_id = %s"

FORGET_BATCH = "DELETE FROM batches WHERE number = %s"
