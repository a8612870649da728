"""The search index: which grams and attributes occur in which block of rows."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE search_segments (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            from_number bigint NOT NULL UNIQUE,
            to_number bigint NOT NULL,
            rows bigint NOT NULL,
            blocks integer NOT NULL,
            time_from timestamptz,
            time_to timestamptz,
            block_from bytea NOT NULL,
            block_to bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CHECK (from_number < to_number)
        )
        """
    )
    op.execute("COMMENT ON TABLE search_segments IS 'Indexed are the rows of batches numbered from_number + 1 to to_number'")
    op.execute(
        "COMMENT ON COLUMN search_segments.block_from IS 'of each block its first row''s time, µs since the Unix epoch'"
    )
    op.execute("COMMENT ON COLUMN search_segments.block_to IS 'of each block its last row''s time, µs since the Unix epoch'")
    op.execute(
        """
        CREATE TABLE search_pages (
            segment bigint NOT NULL REFERENCES search_segments ON DELETE CASCADE,
            page integer NOT NULL,
            bits bytea NOT NULL,
            PRIMARY KEY (segment, page)
        )
        """
    )
    op.execute(
        "COMMENT ON TABLE search_pages IS 'For each slot of the page a bit a block; a page without a bit is left out'"
    )


def downgrade() -> None:
    op.execute("DROP TABLE search_segments, search_pages")
