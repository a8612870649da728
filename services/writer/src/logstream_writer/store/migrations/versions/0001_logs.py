"""The hypertable of records, the inbox, the dead letters and the counts."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    op.execute(
        """
        CREATE TABLE logs (
            time timestamptz NOT NULL,
            sequence bigint NOT NULL,
            severity smallint NOT NULL,
            level text NOT NULL,
            node text NOT NULL,
            message text NOT NULL,
            attributes jsonb
        )
        """
    )
    op.execute("SELECT create_hypertable('logs', by_range('time', INTERVAL '1 day'), create_default_indexes => false)")
    op.execute("CREATE INDEX logs_time_sequence ON logs (time DESC, sequence DESC)")
    op.execute("COMMENT ON COLUMN logs.sequence IS 'number of the batch << 16 | index of the record in it'")
    op.execute(
        """
        CREATE TABLE batches (
            project text NOT NULL,
            batch_id uuid NOT NULL,
            number bigint GENERATED ALWAYS AS IDENTITY,
            digest bytea NOT NULL,
            records integer NOT NULL,
            time_from timestamptz NOT NULL,
            time_to timestamptz NOT NULL,
            received_at timestamptz NOT NULL,
            refused integer[],
            PRIMARY KEY (project, batch_id)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX batches_number ON batches (number)")
    op.execute("COMMENT ON TABLE batches IS 'The inbox: a batch whose id is here is stored and is never stored again'")
    op.execute("COMMENT ON COLUMN batches.refused IS 'indexes of records that went to dead_letters instead'")
    op.execute(
        """
        CREATE TABLE dead_letters (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            digest bytea NOT NULL UNIQUE,
            project text NOT NULL,
            batch_id uuid,
            sequence bigint,
            reason text NOT NULL CHECK (reason IN ('undecodable', 'conflict', 'spread', 'refused', 'parked')),
            detail text NOT NULL,
            body bytea NOT NULL,
            received_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE log_counts (
            bucket timestamptz NOT NULL,
            node text NOT NULL,
            level text NOT NULL,
            count bigint NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX log_counts_bucket ON log_counts (bucket)")
    op.execute("COMMENT ON TABLE log_counts IS 'Records by minute; a key may have several rows, which add up'")


def downgrade() -> None:
    # A hypertable is dropped by itself only.
    op.execute("DROP TABLE logs")
    op.execute("DROP TABLE batches, dead_letters, log_counts")
