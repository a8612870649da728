"""A filter means the same in the database as in logstream_contract.filters.matching, which the live stream goes by."""

import unicodedata
import uuid
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from harness.corpus import QUERIES, SAMPLES, Query, query_string, random_query
from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter
from logstream_contract.filters.lowercase import simple_lower
from logstream_contract.filters.matching import Candidate, Matcher
from logstream_contract.filters.parameters import RecordParameters
from logstream_query.metrics import Metrics
from logstream_query.questions.moments import as_datetime
from logstream_query.store import InvalidRegex, Store
from logstream_query.store.room import Room
from prometheus_client import CollectorRegistry
from psycopg.types.json import Jsonb

START_US = 1_722_902_400_000_000
# Days apart, so that they lie in several chunks.
STEP_US = 5 * 3_600 * 1_000_000
SURROGATES = range(0xD800, 0xE000)
# Of this many characters: what another Unicode version may tell apart is a handful.
LEAST_CASED = 1_300


@pytest.fixture(scope="module")
def records(database_url: str) -> list[Candidate]:
    """The samples as stored records, four to a batch."""
    stored: list[Candidate] = []
    with psycopg.connect(database_url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE logs, batches")
        for first in range(0, len(SAMPLES), 4):
            times_us = [START_US + n * STEP_US for n in range(first, first + 4)]
            row = cursor.execute(
                "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
                " VALUES ('default', %s, '', 4, %s, %s, now()) RETURNING number",
                (uuid.uuid4(), as_datetime(times_us[0]), as_datetime(times_us[-1])),
            ).fetchone()
            assert row
            for index, (time_us, sample) in enumerate(zip(times_us, SAMPLES[first : first + 4], strict=True)):
                node, level, severity, message, attributes = sample
                sequence = row[0] << 16 | index
                stored.append(Candidate(sequence, time_us, severity, level, node, message, attributes or None))
        cursor.executemany(
            "INSERT INTO logs (sequence, time, severity, level, node, message, attributes)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (sequence, as_datetime(time_us), *rest, Jsonb(attributes) if attributes else None)
                for sequence, time_us, *rest, attributes in stored
            ],
        )
    return stored


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, Metrics(CollectorRegistry()), pool_connections=2, pool_wait_s=20, statement_timeout_s=20)
    opened.open()
    yield opened
    opened.close()


def assert_same(store: Store, records: list[Candidate], filter_: Filter) -> None:
    matcher = Matcher(filter_)
    found = [Candidate(*row) for row in store.page(filter_, "asc", None, 1_000, Room(8_388_608, 1_000))]
    assert found == [record for record in records if matcher.record(record)]


def filter_of(query: Query) -> Filter:
    parameters, problems = RecordParameters.read(query_string(query))
    assert not problems
    return parameters.record_filter()


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_what_is_asked_by_hand(store: Store, records: list[Candidate], query: Query) -> None:
    assert_same(store, records, filter_of(query))


@settings(max_examples=300, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_what_is_asked_by_chance(store: Store, records: list[Candidate], chance: Random) -> None:
    assert_same(store, records, filter_of(random_query(chance)))


def test_what_only_history_is_asked(store: Store, records: list[Candidate]) -> None:
    times = [record.time_us for record in records]
    sequences = [record.sequence for record in records]
    for filter_ in (
        Filter(start_us=times[3], end_us=times[9]),
        Filter(level_contains="NF"),
        Filter(level_contains="σ"),
        Filter(level_contains="%"),
        Filter(attributes=(("user", "7"), ("user", "8"))),
        Filter(sequences=(sequences[5],)),
        Filter(sequences=(sequences[5], sequences[6], sequences[90], sequences[5])),
        Filter(sequences=(sequences[5], 2**63 - 1, 0)),
        Filter(sequences=(sequences[7] + 4,)),
        Filter(sequences=(2**63 - 1,)),
        Filter(sequences=tuple(sequences), nodes=("api-*",)),
        Filter(sequences=(sequences[5], sequences[6]), start_us=times[6]),
    ):
        assert_same(store, records, filter_)


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        (r"^disk_", "disk_full"),
        (r"^Disk .*/dev/sd[ab]\d$", "Disk FULL on /dev/sda1"),
        (r"(?i)^DISKX", "diskXfull"),
        (r"^İ\w+ .$", "İSTANBUL İ"),
        (r"^\\", None),
        (r"^say .hi.,\s", 'say "hi", it\'s `ok`'),
        (r"%{2}$", "50 % _%_ %%"),
        ("^[[:alpha:]]+ 로그$", "한글 로그"),
    ],
)
def test_a_regular_expression_is_the_databases_own(
    store: Store, records: list[Candidate], regex: str, found: str | None
) -> None:
    assert {row[5] for row in store.page(Filter(regex=regex), "asc", None, 1_000, Room(8_388_608, 1_000))} == (
        {found} if found else set()
    )


@pytest.mark.parametrize("regex", ["[", "(", "a{2,1}", "*", "\\", "[[:nope:]]", "((a{1,200}){1,200}){1,200}"])
@pytest.mark.parametrize("others", [Filter(), Filter(nodes=("nobody",)), Filter(start_us=0, end_us=0)], ids=repr)
def test_a_regular_expression_that_is_none_is_refused_whatever_else_is_asked(
    store: Store, records: list[Candidate], regex: str, others: Filter
) -> None:
    filter_ = Filter(start_us=others.start_us, end_us=others.end_us, nodes=others.nodes, regex=regex)
    with pytest.raises(InvalidRegex, match="regular expression"):
        store.page(filter_, "desc", None, 1, Room(8_388_608, 1))


def test_a_regular_expression_that_is_none_is_refused_where_nothing_is_stored(database_url: str, store: Store) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM logs")
        connection.execute("SELECT drop_chunks('logs', now() + interval '100 years')")
        connection.commit()
        try:
            with pytest.raises(InvalidRegex):
                store.page(Filter(regex="["), "desc", None, 1, Room(8_388_608, 1))
        finally:
            connection.execute("INSERT INTO logs SELECT * FROM kept")
            connection.execute("DROP TABLE kept")
            connection.commit()


def test_every_character_becomes_the_lower_case_that_the_database_gives_it(database_url: str) -> None:
    numbers = [number for number in range(1, 0x110000) if number not in SURROGATES]
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            'SELECT n, lower(chr(n) COLLATE "pg_c_utf8") FROM unnest(%s::int[]) AS n'
            # What either side doesn't know yet stays as it is there.
            " WHERE unicode_assigned(chr(n))",
            (numbers,),
        ).fetchall()
    known = {number: lowered for number, lowered in rows if unicodedata.category(chr(number)) != "Cn"}
    assert sum(lowered != chr(number) for number, lowered in known.items()) > LEAST_CASED
    different = {number: lowered for number, lowered in known.items() if simple_lower(chr(number)) != lowered}
    assert not different
