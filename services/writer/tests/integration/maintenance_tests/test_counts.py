"""Counts are added up once, under a bounded number of names."""

import uuid
from typing import Any

import psycopg
from logstream_contract.counted_names import OTHER
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.store.store import Store

from .storage import CENTURY_NANOS, HOUR_S, MINUTE_S, WIDTHS_S, assert_counts_agree, at_edges, batch, nothing_done, scalar


def test_counts_are_added_up_once(store: Store, database: psycopg.Connection[Any], hour_s: float) -> None:
    now_s = float(scalar(database, "SELECT extract(epoch FROM now())"))
    for node in ("orders", "payments"):
        store.flush(batch(at_edges(hour_s - 5 * HOUR_S, 3), node))
        store.flush(batch(at_edges(hour_s - 4 * HOUR_S, 1), node))
    store.flush(batch([now_s]))
    report = Compaction(most_rows=100).run(database)
    assert_counts_agree(database)
    assert scalar(database, "SELECT count(*) FROM log_counts") == 0
    assert report.done["count_rows"] > 100
    assert report.state["uncompacted_count_rows"] == 0
    sums = database.execute("SELECT width_s, sum(count) FROM log_rollups GROUP BY 1 ORDER BY 1").fetchall()
    assert sums == [(width_s, 2 * 4 * 24 + 1) for width_s in WIDTHS_S]
    assert nothing_done(Compaction().run(database))

    store.flush(batch(at_edges(hour_s - 5 * HOUR_S, 1)))
    store.flush(batch([now_s]))
    Compaction().run(database)
    assert_counts_agree(database)
    assert scalar(database, "SELECT count(*) FROM log_counts") == 0


def named(time_s: float, *batches: tuple[str, list[tuple[str, int]]]) -> Inbound:
    """For each node and its levels, a batch with so many records of each."""
    deliveries = []
    for node, levels in batches:
        records = [
            LogRecord(time_unix_nano=round(time_s * 1e6) * 1000, level=level, message="m")
            for level, count in levels
            for _ in range(count)
        ]
        raw = LogBatch(batch_id=uuid.uuid4().bytes, node=node, records=records).SerializeToString()
        deliveries.append(
            Delivery(
                tag=1,
                channel_number=1,
                body=Packer(1).frame(raw),
                received_unix_nano=round(time_s * 1e9),
                records=1,
                project="default",
                redelivered=False,
                unpacked_bytes=0,
            )
        )
    return decode(deliveries, CENTURY_NANOS)


def test_sums_have_a_bounded_number_of_names(store: Store, database: psycopg.Connection[Any], hour_s: float) -> None:
    """Many writers' flushes and many compactions of a minute, of ten minutes, of an hour."""
    compaction = Compaction(most_rows=50, most_names=20, most_of_node=5)
    start_s = hour_s - 2 * HOUR_S
    for minute in range(3):
        for flush in range(3):
            time_s = start_s + minute * MINUTE_S + flush
            one_of_each = [(f"level-{minute}-{flush}-{number}", 1) for number in range(40)]
            made_up = [(f"node-{minute}-{flush}-{number}", [("info", 1)]) for number in range(40)]
            store.flush(named(time_s, ("api", [("error", 1), ("odd", 2)]), ("evil", one_of_each), *made_up))
            compaction.run(database)
    records = scalar(database, "SELECT count(*) FROM logs")
    rows = database.execute("SELECT width_s, bucket, node, level, severity, count FROM log_rollups").fetchall()
    for width_s in WIDTHS_S:
        mine = [row for row in rows if row[0] == width_s]
        assert sum(row[-1] for row in mine) == records
        for bucket in {row[1] for row in mine}:
            names = [row[2:5] for row in mine if row[1] == bucket]
            assert sum(node != OTHER for node, _, _ in names) <= 20
            assert sum(node == "evil" for node, _, _ in names) <= 6
            assert ("api", "error", 17) in names
            assert ("api", "odd", 0) in names
        for level, severity, count in (("error", 17, 9), ("odd", 0, 18)):
            assert sum(row[-1] for row in mine if row[2:5] == ("api", level, severity)) == count
        assert sum(row[-1] for row in mine if row[4] == 17) == 9
        assert sum(row[-1] for row in mine if row[4] == 9) == sum(row[-1] for row in mine if row[3] == "info") == 360
    assert nothing_done(compaction.run(database))


def test_a_name_that_becomes_frequent_takes_the_place_of_another(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    compaction = Compaction(most_names=5, most_of_node=3)
    store.flush(named(hour_s, *((f"early-{number}", [("info", 2)]) for number in range(20))))
    compaction.run(database)
    store.flush(named(hour_s, ("late", [("info", 10)])))
    report = compaction.run(database)
    counts = dict(database.execute("SELECT node, count FROM log_rollups WHERE width_s = 60").fetchall())
    assert counts == {"late": 10, OTHER: 32, **{f"early-{number}": 2 for number in (0, 1, 10, 11)}}
    assert report.done == {"count_rows": 1, "sums": 6, "folded_sums": 3}
