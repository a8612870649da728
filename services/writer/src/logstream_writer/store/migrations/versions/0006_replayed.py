"""Lets the search index learn of records that are stored late under a number it has been through: each has an entry of its
own in the inbox, with a new number."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE batches ADD COLUMN replayed bigint")
    op.execute(
        "COMMENT ON COLUMN batches.replayed IS 'no batch, but a dead letter that was replayed: the sequence of its record'"
    )


def downgrade() -> None:
    # Left behind these would pass for batches whose rows are gone.
    op.execute("DELETE FROM batches WHERE replayed IS NOT NULL")
    op.execute("ALTER TABLE batches DROP COLUMN replayed")
