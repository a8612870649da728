"""How many searches a process admits."""

import pytest
from logstream_query.search.search import fitting_searches


@pytest.mark.parametrize(
    ("wished", "connections", "admitted"), [(8, 10, 8), (8, 9, 7), (8, 2, 1), (8, 1, 1), (1, 100, 1), (1_000, 1_000, 998)]
)
def test_searches_leave_connections_to_other_requests(wished: int, connections: int, admitted: int) -> None:
    assert fitting_searches(wished, connections) == admitted
