"""The SQL of the search index. No COPY and nothing of one edition alone."""

from typing import Final

# What a row weighs is its message and what any row costs a search; a block is as many rows as make up this weight: about a
# thousand of the usual messages, few of the longest. Together they say how many grams a block has to tell apart.
BLOCK_WEIGHT: Final = 200_000
_ROW_WEIGHT: Final = 100

LAST_NUMBER: Final = "SELECT coalesce(max(number), 0) FROM batches"
INDEXED_NUMBER: Final = "SELECT coalesce(max(to_number), 0) FROM search_segments"

WAITING: Final = f"SELECT coalesce(sum(records), 0)::bigint FROM batches WHERE number > ({INDEXED_NUMBER})"

BATCHES: Final = """
SELECT number, records, time_from, time_to, received_at < now() - %s * interval '1 second', replayed
FROM batches WHERE number > %s AND number <= %s ORDER BY number LIMIT %s
"""

_BLOCKS: Final = f"""
SELECT count(*),
       (extract(epoch FROM min(time)) * 1000000)::bigint, (extract(epoch FROM max(time)) * 1000000)::bigint,
       string_agg(convert_to(lower(message COLLATE "pg_c_utf8"), 'UTF8'), '\\x00'::bytea),
       string_agg(attributes::text, ',')
FROM (
    SELECT sum({_ROW_WEIGHT} + octet_length(message)) OVER (ORDER BY time, sequence) / {BLOCK_WEIGHT} AS block,
           time, message, attributes
    FROM logs WHERE time >= %s AND time <= %s AND {{rows}}
) AS piece
GROUP BY block ORDER BY block
"""
# Blocks of the rows of some batches, in time order.
BLOCKS: Final = _BLOCKS.format(rows="sequence >= %s AND sequence < %s")
# The same of rows one by one: those that were replayed.
BLOCKS_REPLAYED: Final = _BLOCKS.format(rows="sequence = ANY(%s)")

INSERT_SEGMENT: Final = """
INSERT INTO search_segments (from_number, to_number, rows, blocks, time_from, time_to, block_from, block_to)
VALUES (%s, %s, %s, %s, timestamptz 'epoch' + %s::bigint * interval '1 microsecond',
        timestamptz 'epoch' + %s::bigint * interval '1 microsecond', %s, %s)
RETURNING id
"""

INSERT_PAGES: Final = """
INSERT INTO search_pages (segment, page, bits)
SELECT %s, page, bits FROM unnest(%s::integer[], %s::bytea[]) AS given (page, bits)
"""

LAST_SEGMENTS: Final = """
SELECT id, from_number, to_number, rows, blocks, block_from, block_to FROM search_segments ORDER BY from_number DESC LIMIT %s
"""

PAGES_OF_SEGMENTS: Final = """
SELECT segment, page, bits FROM search_pages WHERE segment = ANY(%s) AND page >= %s AND page < %s
"""

DELETE_SEGMENTS: Final = "DELETE FROM search_segments WHERE id = ANY(%s)"
