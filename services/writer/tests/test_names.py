"""Counts of few and of very many names: what is folded keeps its sums, and how many names there are is bounded."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.counted_names import OTHER, is_known_level
from logstream_contract.rows.severity import NUMBERS
from logstream_writer.store.counts import CountKey, Name, fold, fold_names

MINUTE_US = 60_000_000
MOST, MOST_OF_NODE = 12, 4
SEVERITIES = st.sampled_from([0, 9, 17])
LEVELS = st.sampled_from(["", "info", "INFO", "iNFO", "Error", "error", "other", OTHER, *"abcdefghij"])
NODES = st.sampled_from(["api", "db", OTHER, *"klmnopqrst"])
NAMES = st.dictionaries(st.tuples(NODES, LEVELS, SEVERITIES), st.integers(1, 50), max_size=80)


@given(NAMES)
@settings(max_examples=500)
def test_folding_keeps_every_sum_and_bounds_the_names(names: dict[Name, int]) -> None:
    folded = fold_names(names, MOST, MOST_OF_NODE)

    def sums(counts: dict[Name, int]) -> list[Counter[object]]:
        """By severity, and by severity and level of those that a question for a known level counts."""
        by_severity: Counter[object] = Counter()
        known: Counter[object] = Counter()
        for (_, level, severity), count in counts.items():
            by_severity[severity] += count
            if is_known_level(level):
                known[level.lower(), severity] += count
        return [by_severity, known]

    assert sums(dict(folded)) == sums(names)
    by_node: Counter[str] = Counter()
    for (node, level, severity), count in folded.items():
        by_node[node] += count
        # What is counted under a name of its own was logged under it, at least so often.
        if OTHER not in (node, level):
            of_name = sum(
                counted
                for (its_node, its_level, its_severity), counted in names.items()
                if (its_node, its_severity) == (node, severity) and level in (its_level, its_level.lower())
            )
            assert count <= of_name
    # A node is counted completely, or under OTHER and not at all.
    for node in by_node.keys() - {OTHER}:
        assert by_node[node] == sum(count for (its_node, _, _), count in names.items() if its_node == node)
    most_of_other = MOST_OF_NODE + len(NUMBERS) * 3 + 3
    assert sum(node != OTHER for node, _, _ in folded) <= MOST or len(names) <= MOST
    assert sum(node == OTHER for node, _, _ in folded) <= most_of_other


@given(NAMES)
def test_few_names_stay_as_they_are(names: dict[Name, int]) -> None:
    nodes = Counter(node for node, _, _ in names)
    if len(names) <= MOST and max(nodes.values(), default=0) <= MOST_OF_NODE:
        assert fold_names(names, MOST, MOST_OF_NODE) is names


def test_levels_give_way_within_their_own_node() -> None:
    neighbour = {("api", level, severity): 1 for level, severity in (("info", 9), ("odd", 0), ("error", 17))}
    careless = {("evil", f"level-{number}", number % 2): 1 + number for number in range(1_000)}
    folded = fold_names(neighbour | careless, MOST, MOST_OF_NODE)
    assert {name: folded[name] for name in neighbour} == neighbour
    counts = {level: count for (node, level, _), count in folded.items() if node == "evil" and level != OTHER}
    assert counts == {f"level-{number}": 1 + number for number in range(996, 1_000)}
    assert {folded["evil", OTHER, severity] for severity in (0, 1)} == {
        sum(1 + number for number in range(996) if number % 2 == severity) for severity in (0, 1)
    }


def test_nodes_with_most_records_are_kept() -> None:
    careless = {(f"evil-{number}", "info", 9): 1 for number in range(1_000)}
    folded = fold_names({("api", "info", 9): 2, ("api", "Error", 17): 1, **careless}, MOST, MOST_OF_NODE)
    assert (folded["api", "info", 9], folded["api", "Error", 17]) == (2, 1)
    assert folded[OTHER, "info", 9] == 1_000 - (MOST - 2)


def test_each_minute_of_a_flush_is_folded_by_itself() -> None:
    counts: Counter[CountKey] = Counter({(minute * MINUTE_US, f"n{minute}", "info", 9): 1 for minute in range(100)})
    assert fold(counts, MOST, MOST_OF_NODE) == counts
    counts += Counter({(0, "n0", f"level-{number}", 0): 1 for number in range(100)})
    folded = fold(counts, MOST, MOST_OF_NODE)
    assert folded.total() == counts.total()
    assert sum(minute_us == 0 for minute_us, *_ in folded) == MOST_OF_NODE + 1
    assert folded[0, "n0", "info", 9] == 1
    assert folded[0, "n0", OTHER, 0] == 100 - (MOST_OF_NODE - 1)


def test_the_usual_counts_are_not_even_copied() -> None:
    counts: Counter[CountKey] = Counter({(0, f"n{number}", "info", 9): 1 for number in range(2_000)})
    assert fold(counts) is counts
