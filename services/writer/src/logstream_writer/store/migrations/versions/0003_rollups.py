"""Severities in the counts, and their sums over longer times. log_counts is what flushes append; maintenance moves it into
log_rollups, so a count is in exactly one of the two."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A default, so that a writer of the release before, which names no severity, can still store.
    op.execute("ALTER TABLE log_counts ADD COLUMN severity smallint NOT NULL DEFAULT 0")
    # A level's text does not tell its severity, so what was counted before is counted again.
    op.execute("TRUNCATE log_counts")
    op.execute(
        """
        INSERT INTO log_counts (bucket, node, level, severity, count)
        SELECT date_trunc('minute', time, 'UTC'), node, level, severity, count(*) FROM logs GROUP BY 1, 2, 3, 4
        """
    )
    op.execute(
        """
        CREATE TABLE log_rollups (
            width_s integer NOT NULL CHECK (width_s IN (60, 600, 3600)),
            bucket timestamptz NOT NULL,
            node text NOT NULL,
            level text NOT NULL,
            severity smallint NOT NULL,
            count bigint NOT NULL,
            PRIMARY KEY (width_s, bucket, node, level, severity)
        )
        """
    )
    op.execute(
        "COMMENT ON TABLE log_rollups IS 'Each width alone holds all counts that were moved here from log_counts; buckets "
        "begin at whole multiples of their width since the epoch'"
    )


def downgrade() -> None:
    op.execute("INSERT INTO log_counts SELECT bucket, node, level, count, severity FROM log_rollups WHERE width_s = 60")
    op.execute("DROP TABLE log_rollups")
    op.execute("ALTER TABLE log_counts DROP COLUMN severity")
