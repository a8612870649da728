"""What /stream is asked: the filters of history, where to begin, and nothing that only history can answer."""

import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_stream.web.parameters import StreamParameters


def problems_of(query_string: str) -> dict[str, str]:
    return {found["name"]: found["expected"] for found in StreamParameters.read(query_string)[1]}


def test_absent_and_empty_parameters_are_the_defaults() -> None:
    for query_string in ("", "after=&recent=&level=&min_level=&node=&q=&max_rate="):
        parameters, problems = StreamParameters.read(query_string)
        assert not problems
        assert (parameters.after, parameters.recent, parameters.live_filter()) == ("", None, None)


def test_every_parameter() -> None:
    parameters, problems = StreamParameters.read(
        "after=e:1:2:3&recent=0&level=WARN,x&min_level=info&node=api-*&q=a+-b&attr.k.l=v+w&-attr.m=&-attr.m=n&max_rate=5"
    )
    assert not problems
    assert (parameters.after, parameters.recent, parameters.max_rate) == ("e:1:2:3", 0, 5)
    assert parameters.live_filter() == Filter(
        levels=("WARN", "x"),
        min_severity=9,
        nodes=("api-*",),
        text=Terms(("a",), ("b",)),
        attributes=(("k.l", "v w"),),
        not_attributes=(("m", ""), ("m", "n")),
    )


@pytest.mark.parametrize("name", ["start", "end", "sequence", "regex", "limit", "cursor", "order"])
def test_what_is_for_history_says_so(name: str) -> None:
    assert problems_of(f"{name}=1&q=a") == {name: "no such parameter for the live stream; use it with /api/logs"}


def test_all_problems_are_named_at_once() -> None:
    found = problems_of("recent=5001&level=,&min_level=loud&node=%FF&q=%00&attr.=v&attr=v&levle=x&regex=x&after=a&after=b")
    assert sorted(found) == [
        "after", "attr", "attr.", "level", "levle", "min_level", "node", "q", "recent", "regex"
    ]  # fmt: skip
    assert "level, min_level, node, q, attr.<key>, -attr.<key>, after, recent, max_rate" in found["levle"]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1000001", "fast"])
def test_a_rate_is_a_number_of_records(text: str) -> None:
    assert problems_of(f"max_rate={text}") == {"max_rate": "a whole number from 1 to 1000000"}


def test_a_rate_is_no_higher_than_the_services() -> None:
    parameters = StreamParameters.read("max_rate=50")[0]
    assert parameters.rate_problem(0) is parameters.rate_problem(50) is StreamParameters.read("")[0].rate_problem(1) is None
    found = parameters.rate_problem(49)
    assert found
    assert (found["name"], found["value"]) == ("max_rate", "50")
    assert "from 1 to 49" in found["expected"]
