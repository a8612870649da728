"""Views for people who read with SQL. The names of their columns are promised; the tables below may change. Who may read
them is decided by logstream_writer.store.readers."""

from alembic import op

revision = "0005"
down_revision = "0004"

# The numbers of OpenTelemetry come in six groups of four. An unknown severity is 0, whose group is none.
_GROUP = "(severity + 3) / 4"
_NAME = f"(ARRAY['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'])[{_GROUP}]"
_STEP = "(ARRAY['', '2', '3', '4'])[(severity - 1) % 4 + 1]"
_LEVEL = f"coalesce(lower({_NAME}), lower(level))"


def upgrade() -> None:
    # All of it is computed by the row, so that conditions on time reach the hypertable and leave out its chunks.
    op.execute(
        f"""
        CREATE VIEW logs_readable AS
        SELECT time, {_LEVEL} AS level, level AS level_text, severity, {_NAME} || {_STEP} AS severity_name,
               node, message, attributes, sequence::text AS sequence, sequence >> 16 AS batch
        FROM logs
        """
    )
    op.execute("COMMENT ON VIEW logs_readable IS 'Records. Always ask for a range of time'")
    op.execute(
        "COMMENT ON COLUMN logs_readable.level IS 'trace, debug, info, warn, error or fatal by the severity; "
        "without one the sender''s own word, lower-cased'"
    )
    op.execute("COMMENT ON COLUMN logs_readable.level_text IS 'the level as it was sent'")
    op.execute("COMMENT ON COLUMN logs_readable.severity_name IS 'short name by OpenTelemetry, such as WARN or INFO3'")
    op.execute("COMMENT ON COLUMN logs_readable.batch IS 'number of the batch the record came in'")
    # Grouped by all columns, so that conditions on them reach the indexes of both tables.
    op.execute(
        f"""
        CREATE VIEW log_counts_readable AS
        SELECT bucket AS minute, node, {_LEVEL} AS level, level AS level_text, severity, sum(count)::bigint AS count
        FROM (
            SELECT bucket, node, level, severity, count FROM log_counts
            UNION ALL
            SELECT bucket, node, level, severity, count FROM log_rollups WHERE width_s = 60
        ) AS counted
        GROUP BY bucket, node, counted.level, severity
        """
    )
    op.execute(
        "COMMENT ON VIEW log_counts_readable IS 'Records by minute, node and level, as exact as counting them in logs'"
    )
    op.execute(
        """
        CREATE VIEW dead_letters_readable AS
        SELECT id, created_at, received_at, reason, detail, project, batch_id, sequence::text AS sequence,
               octet_length(body) AS bytes
        FROM dead_letters
        """
    )
    op.execute("COMMENT ON VIEW dead_letters_readable IS 'What was not stored as records, and why; without its bytes'")
    op.execute(
        """
        CREATE VIEW storage_readable AS
        SELECT chunk_name AS chunk, range_start, range_end, is_compressed AS compressed, table_bytes, index_bytes,
               toast_bytes, total_bytes
        FROM timescaledb_information.chunks JOIN chunks_detailed_size('logs') USING (chunk_schema, chunk_name)
        WHERE hypertable_name = 'logs'
        """
    )
    op.execute("COMMENT ON VIEW storage_readable IS 'The chunks of logs with their ranges of time and sizes in bytes'")


def downgrade() -> None:
    op.execute("DROP VIEW logs_readable, log_counts_readable, dead_letters_readable, storage_readable")
