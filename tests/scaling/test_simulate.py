"""The simulation gives what was measured, where something was, and keeps its own books."""

import pytest

from scaling import simulate


def test_it_gives_the_run_it_was_fitted_to() -> None:
    found = simulate.one_machine(simulate.CAPACITY, 250_200, 5)
    assert found.stored_in_s - 5 == pytest.approx(simulate.CAPACITY_AFTER_S, rel=0.05)


def test_it_foretells_the_burst_that_it_was_not_fitted_to() -> None:
    found = simulate.one_machine(simulate.BURST, 200_400, 5)
    assert found.stored_in_s - 5 == pytest.approx(simulate.BURST_AFTER_S, rel=0.25)


def test_it_foretells_which_rates_are_sustained() -> None:
    wrong = [name for name, (cost, rate, did) in simulate.SUSTAINED.items() if simulate.held(cost, rate) is not did]
    # Measured, one second of 60 was missing there; the simulation has no noise.
    assert wrong == ["151k/s"]


def test_no_record_is_lost_or_doubled_on_the_way() -> None:
    found = simulate.one_machine(simulate.BURST, 200_000, 5)
    assert found.stored == 1_000_000
    assert found.accepted_in_s <= found.stored_in_s
    assert 0 < found.peak < found.stored


def test_more_processors_store_a_burst_sooner() -> None:
    ends = [simulate.one_machine(simulate.BURST, 400_000, 2, cores).stored_in_s for cores in (2, 3, 4)]
    assert ends == sorted(ends, reverse=True)
    assert len(set(ends)) == 3


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_stopped_database_leaves_what_arithmetic_says(share: float) -> None:
    rate, capacity, away_s = 100_000 * share, 100_000.0, 30.0
    found = simulate.stopped_database(rate, capacity, away_s)
    assert found.backlog == pytest.approx(rate * away_s, rel=0.02)
    assert found.catch_up_s == pytest.approx(away_s * share / (1 - share), rel=0.02)


def test_batch_ids_spread_evenly_and_nodes_do_not() -> None:
    assert simulate.hottest(16, "batch", 0) < 1.05
    even, usual, skewed = (simulate.hottest(16, "node", skew) for skew in (0.0, 1.0, 1.5))
    assert 1.05 < even < usual < skewed


def test_a_shard_more_moves_its_share_of_the_keys_and_no_others() -> None:
    keys = [f"key {number}" for number in range(20_000)]
    moved = [key for key in keys if simulate.shard_of(key, 16) != simulate.shard_of(key, 17)]
    assert all(simulate.shard_of(key, 17) == 16 for key in moved)
    assert len(moved) / len(keys) == pytest.approx(1 / 17, rel=0.1)


def test_the_same_again() -> None:
    simulate.hottest.cache_clear()
    first = simulate.hottest(4, "node", 1.0)
    simulate.hottest.cache_clear()
    assert simulate.hottest(4, "node", 1.0) == first
    assert simulate.one_machine(simulate.BURST, 200_400, 1) == simulate.one_machine(simulate.BURST, 200_400, 1)
