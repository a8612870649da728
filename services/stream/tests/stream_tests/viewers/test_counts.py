"""The counts of a second name few levels and nodes, whatever was made up, and lose no record."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.rows.timestamps import iso_micros
from logstream_stream.records.columns import Columns
from logstream_stream.records.decoder import Decoded
from logstream_stream.viewers.counts import MOST_NAMES, TOP_LEVELS, TOP_NODES, SecondCounts


def decoded(node: str, *levels: str) -> Decoded:
    """A batch with a record of each level."""
    kinds = np.arange(len(levels), dtype=np.int64)
    columns = Columns(
        number=1,
        node=node,
        indexes=range(len(levels)),
        times_us=kinds,
        kinds=kinds,
        level_kinds=[(0, level) for level in levels],
        messages=[b"m"] * len(levels),
        members=[],
    )
    return Decoded(columns, 0)


def test_a_second_of_few_levels_names_all() -> None:
    counts = SecondCounts()
    counts.add(decoded("orders", "info", "odd", "error"), 1)
    counts.add(decoded("orders", "odd"), 1)
    found = counts.take(0, 1)
    assert (found["time"], found["records"]) == (iso_micros(0), 4)
    # What everybody knows comes first, then what is frequent.
    assert list(found["by_level"].items()) == [("error", 1), ("info", 1), ("odd", 2)]
    assert found["by_node"] == {"orders": 4}
    assert found["other"] == {"levels": 0, "nodes": 0}


def test_a_known_level_is_named_however_many_are_made_up() -> None:
    counts = SecondCounts()
    for batch in range(20):
        counts.add(
            decoded(f"node-{batch}", *(f"{batch}-{number}" for number in range(5_000)), "frequent", "frequent", "error"), 1
        )
        # Few enough to hold, whatever comes.
        assert len(counts._levels) <= MOST_NAMES
    found = counts.take(0, 1)
    assert len(found["by_level"]) == TOP_LEVELS
    assert list(found["by_level"].items())[:2] == [("error", 20), ("frequent", 40)]
    assert found["other"]["levels"] == found["records"] - sum(found["by_level"].values()) == 20 * 5_003 - 60 - 18
    assert counts.take(0, 1)["other"] == {"levels": 0, "nodes": 0}


def test_nodes_are_few_too() -> None:
    counts = SecondCounts()
    for number in range(3 * MOST_NAMES):
        counts.add(decoded(f"node-{number}", "info"), 1)
        counts.add(decoded("busy", "info"), 1)
        assert len(counts._nodes) <= MOST_NAMES
    found = counts.take(0, 1)
    assert len(found["by_node"]) == TOP_NODES
    assert found["by_node"]["busy"] == 3 * MOST_NAMES
    assert found["by_level"] == {"info": 6 * MOST_NAMES}


@given(st.lists(st.lists(st.text("abIiNnFfOo", max_size=5), min_size=1, max_size=40), max_size=40))
def test_no_record_is_lost(batches: list[list[str]]) -> None:
    counts = SecondCounts()
    for number, levels in enumerate(batches):
        counts.add(decoded(f"node-{number % 13}", *levels), 1)
    found = counts.take(0, 1)
    for names, other, most in ((found["by_level"], "levels", TOP_LEVELS), (found["by_node"], "nodes", TOP_NODES)):
        assert len(names) <= most
        assert sum(names.values()) + found["other"][other] == found["records"] == sum(map(len, batches))
