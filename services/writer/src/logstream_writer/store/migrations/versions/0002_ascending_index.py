"""The index of records in ascending order: rows come in that order, and PostgreSQL adds to the right end of a B-tree without
a search and fills its pages, while at the left end it splits them in halves. It is read backwards as fast as forwards."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE INDEX logs_time_sequence_ascending ON logs (time, sequence)")
    op.execute("DROP INDEX logs_time_sequence")
    op.execute("ALTER INDEX logs_time_sequence_ascending RENAME TO logs_time_sequence")


def downgrade() -> None:
    op.execute("DROP INDEX logs_time_sequence")
    op.execute("CREATE INDEX logs_time_sequence ON logs (time DESC, sequence DESC)")
