"""What /stream is asked: the filters of history, where to begin, and nothing that only history can answer."""

import pytest
from logstream_contract.filters import Filter, Terms
from logstream_stream.parameters import StreamParameters


def problems_of(query_string: str) -> dict[str, str]:
    return {found["name"]: found["expected"] for found in StreamParameters.read(query_string)[1]}


def test_absent_and_empty_parameters_are_the_defaults() -> None:
    for query_string in ("", "after=&recent=&level=&min_level=&node=&q="):
        asked, problems = StreamParameters.read(query_string)
        assert not problems
        assert (asked.after, asked.recent, asked.wanted()) == ("", None, None)


def test_every_parameter() -> None:
    asked, problems = StreamParameters.read(
        "after=e:1:2:3&recent=0&level=WARN,x&min_level=info&node=api-*&q=a+-b&attr.k.l=v+w&-attr.m=&-attr.m=n"
    )
    assert not problems
    assert (asked.after, asked.recent) == ("e:1:2:3", 0)
    assert asked.wanted() == Filter(
        levels=("WARN", "x"),
        min_severity=9,
        nodes=("api-*",),
        text=Terms(("a",), ("b",)),
        attributes=(("k.l", "v w"),),
        not_attributes=(("m", ""), ("m", "n")),
    )


@pytest.mark.parametrize("name", ["start", "end", "sequence", "regex", "limit", "cursor", "order"])
def test_what_is_for_history_says_so(name: str) -> None:
    assert problems_of(f"{name}=1&q=a") == {name: "no such parameter: it is for history, at /api/logs"}


def test_all_problems_are_named_at_once() -> None:
    found = problems_of("recent=5001&level=,&min_level=loud&node=%FF&q=%00&attr.=v&attr=v&levle=x&regex=x&after=a&after=b")
    assert sorted(found) == [
        "after", "attr", "attr.", "level", "levle", "min_level", "node", "q", "recent", "regex"
    ]  # fmt: skip
    assert "level, min_level, node, q, attr.<key>, -attr.<key>, after, recent" in found["levle"]
