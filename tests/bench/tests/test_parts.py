"""The benchmark's own parts: what it sends, and that its verdict sees what is wrong."""

import json
from pathlib import Path

import pytest
from bench import report, run
from bench.batches import MARK_CHARACTERS, ClientBatch, Kind, StampedBatch
from bench.figures import figures
from bench.producer import Account, Phase
from bench.run import Load, Outcome
from bench.verdict import Verdict
from harness import wire

NOW_NS = 1_790_000_000_000_000_000
KIND = Kind(records=40, attributes=3, apart_ns=5_000)
# What build/bench/<scenario>.json promises its readers.
PROMISED = {
    "name", "lost", "duplicated", "offered_per_s", "acked_per_s", "ack_p50_ms", "ack_p99_ms", "all_committed_after_s",
    "committed_per_s", "live_p50_ms", "live_p99_ms", "cpu_s_per_million", "yardstick_rows_per_s", "share_of_yardstick",
    "bytes_per_row", "edition",
}  # fmt: skip


@pytest.mark.parametrize("make", [StampedBatch, ClientBatch])
def test_a_batch_is_new_each_time_it_is_stamped(make: type[StampedBatch] | type[ClientBatch]) -> None:
    batch = make("bench-x", KIND, seed=7)
    first_id, first = batch.stamp(12, NOW_NS)
    second_id, second = batch.stamp(13, NOW_NS + 1_000_000)
    for number, batch_id, raw, time_ns in ((12, first_id, first, NOW_NS), (13, second_id, second, NOW_NS + 1_000_000)):
        found = wire.compiled().LogBatch.FromString(raw)
        assert (found.batch_id, found.node, len(found.records)) == (batch_id, "bench-x", KIND.records)
        assert [record.message[-MARK_CHARACTERS:] for record in found.records] == [
            f"#{number:08d}.{index:04d}" for index in range(KIND.records)
        ]
        assert [record.time_unix_nano for record in found.records] == [
            time_ns - (KIND.records - 1 - index) * KIND.apart_ns for index in range(KIND.records)
        ]
        assert {len(record.attributes) for record in found.records} == {KIND.attributes}
    assert first_id != second_id


@pytest.mark.parametrize("records", [0, 10_001])
def test_a_batch_has_a_bounded_number_of_records(records: int) -> None:
    with pytest.raises(ValueError, match=f"records={records}"):
        StampedBatch("bench-x", Kind(records), seed=1)


def test_a_run_with_a_flaw_is_void() -> None:
    assert Verdict(sent=2, acked=2, stored=2).void == ""
    assert "lost 1" in Verdict(sent=2, acked=2, stored=1, lost=1).void
    assert "duplicated 1" in Verdict(sent=2, acked=2, stored=2, duplicated=1).void
    assert "strangers 1" in Verdict(sent=2, acked=2, stored=3, strangers=1).void
    assert "nothing was acked" in Verdict(sent=2).void
    assert "INTERNAL" in Verdict(sent=2, acked=1, refused=["bench-x: INTERNAL"]).void


def outcome_of(*phases: Phase) -> Outcome:
    account = Account("bench-x", records=10)
    begin_ns = 1_000 * 10**9
    for phase, (first, count) in enumerate(((0, 5), (5, 10))[: len(phases)]):
        for number in range(first, first + count):
            account.phase.append(phase)
            account.due_ns.append(begin_ns + number * 100_000_000)
            account.answered_ns.append(begin_ns + number * 100_000_000 + 4_000_000)
            account.batch_ids.append(bytes([number]))
    return Outcome(
        name="made up",
        load=Load(phases),
        began_s=1_000.0,
        last_sent_s=1_001.4,
        committed_s=1_002.0,
        accounts=[account],
        verdict=Verdict(150, 150, 150),
        sight=None,
        pages=None,
        samples=[],
        used={},
        commits={bytes([0]): begin_ns + 30_000_000},
    )


def test_figures_of_a_run_and_of_a_phase() -> None:
    outcome = outcome_of(Phase(100, 0.5), Phase(100, 1.0))
    whole = figures(outcome, None, 1_000.0, "apache", 199.96)
    assert whole.keys() >= PROMISED
    assert (whole["offered_per_s"], whole["acked_per_s"], whole["committed_per_s"]) == (100, 100, 75)
    assert (whole["ack_p50_ms"], whole["commit_p50_ms"], whole["live_p50_ms"]) == (4.0, 30.0, None)
    assert (whole["all_committed_after_s"], whole["share_of_yardstick"], whole["bytes_per_row"]) == (0.5, 0.07, 200.0)
    first, second = (figures(outcome, phase, None, "apache", None) for phase in (0, 1))
    assert (first["records"], second["records"]) == (50, 100)
    assert (first["all_committed_after_s"], second["all_committed_after_s"]) == (None, 0.5)
    assert second["share_of_yardstick"] is None


def test_the_report_can_be_read_by_people_and_programs(tmp_path: Path) -> None:
    runs = [figures(outcome_of(Phase(100, 1.5)), None, None, "apache", None)]
    assert json.loads(report.write(tmp_path, "made-up", runs).read_text()) == runs
    head, row = report.table(runs).splitlines()
    assert head.split()[:3] == ["run", "lost", "doubled"]
    assert row.split()[:4] == ["made", "up", "0", "0"]


def test_nodes_overlap_in_time_as_three_services_do() -> None:
    assert run.Bench.kind(Load([Phase(30_000, 1)], Kind(1_000))).apart_ns == 100_000
