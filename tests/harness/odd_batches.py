"""Batches of logstream.v1 byte by byte, as any encoder might write them and as none does: fields in any order and again and
again, longer than needed, of other types, unknown ones, groups; texts that are none, or that mean something to somebody on
the way; every size near a limit. Strategies for hypothesis; they must not know the product's code.

Source of the format: Protocol Buffers encoding."""

import struct
from collections.abc import Callable, Sequence
from itertools import chain

from hypothesis import strategies as st

# Field numbers.
BATCH_ID, NODE, RECORDS = 1, 2, 3
TIME, SEVERITY, LEVEL, MESSAGE, ATTRIBUTES, ORIGINAL_TIMESTAMP = 1, 2, 3, 4, 5, 6
KEY, VALUE = 1, 2
# Wire types.
VARINT, FIXED64, DELIMITED, GROUP, GROUP_END, FIXED32 = range(6)

# From here on a varint of ten bytes holds a negative number.
_SIGNED = 1 << 64


def varint(number: int, padding: int = 0) -> bytes:
    """padding: bytes more than it needs."""
    number %= _SIGNED
    out = bytearray()
    while number > 0x7F or padding:
        padding -= number <= 0x7F
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def tag(field: int, wire_type: int, padding: int = 0) -> bytes:
    return varint(field << 3 | wire_type, padding)


def delimited(field: int, content: bytes, padding: int = 0) -> bytes:
    return tag(field, DELIMITED, padding) + varint(len(content), padding) + content


def fixed64(field: int, number: int) -> bytes:
    return tag(field, FIXED64) + struct.pack("<Q", number)


# What means something to JSON, to PostgreSQL, to event streams or to the service itself, and what is no UTF-8: half a
# character, an encoded surrogate, a NUL in two bytes, what is past the last character.
_PIECES = [
    *(
        text.encode()
        for text in ("a", "info", "é", "한", "🙂", "\ufffd", "\u2028", "\x85", "\x7f", "\x1b[0m", " ", "\r\n", "\n\n")
    ),
    *(b"\0", b'"', b"\\", b"\\u0000", b"\\ud800", b"{}", b"':\"", b"data: ", b"\1", b"\2", b"\3", b"\4", b"\5"),
    *(b"\xff", b"\xc3", b"\xa9", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\x80", b"\xf0\x9f\x99", b"\xf4\x90\x80\x80"),
]
_RESERVED = [b"logstream.", b"logstream.nuls_replaced", b"logstream.original_time_unix_nano", b"sender.logstream."]
# Around the limits of keys, of columns, of values and messages, and of all attributes.
_SIZES = [0, 1, 8, 9, 85, 127, 128, 254, 255, 256, 16_383, 16_384, 21_846, 65_535, 65_536, 65_537, 100_000]

# Batches are not made many times as large as they are from here on.
_LARGE_BYTES = 4_000

pieces = st.lists(st.sampled_from(_PIECES), max_size=4).map(b"".join)
repeated = st.builds(lambda piece, size: piece * (size // len(piece)), st.sampled_from(_PIECES), st.sampled_from(_SIZES))
ordinary_texts = st.text("ab cde\u00e9", max_size=12).map(str.encode)
# About as long as messages and values may be.
near_64_kib = st.builds(
    lambda piece, more: piece * (65_536 // len(piece)) + b"m" * more, st.sampled_from(_PIECES), st.integers(0, 4)
)
texts = st.one_of(pieces, ordinary_texts, st.binary(max_size=6), repeated, near_64_kib)
# About as long as levels and keys may be.
near_255 = st.builds(lambda piece, bytes_: piece * (bytes_ // len(piece)), st.sampled_from(_PIECES), st.integers(254, 258))
levels = st.one_of(st.sampled_from([b"info", b"ERROR", b"warn", b"", b" Fatal "]), texts, near_255)
keys = st.one_of(
    ordinary_texts,
    pieces,
    st.builds(bytes.__add__, st.sampled_from(_RESERVED), pieces),
    st.sampled_from(_RESERVED),
    near_255,
    repeated,
)
severities = st.one_of(
    st.integers(0, 24), st.sampled_from([25, 127, 128, 2**31 - 1, 2**31, 2**32 + 9, -1, -(2**31), 2**64 - 1])
)


def times(now_ns: int) -> st.SearchStrategy[int]:
    """Of now, and of every other age."""
    return st.one_of(
        st.integers(now_ns - 10**12, now_ns),
        st.sampled_from([0, 1, 999, now_ns - 10**17, now_ns + 10**12, 2**63 - 1, 2**63, 2**64 - 1]),
    )


paddings = st.sampled_from([0, 0, 0, 1, 3])
# Of no message here; as they are, and as what is known by another type.
_UNKNOWN_FIELDS = st.sampled_from([7, 15, 16, 100, 2**29 - 1])


def unknown(fields: st.SearchStrategy[int] = _UNKNOWN_FIELDS) -> st.SearchStrategy[bytes]:
    leaf = st.one_of(
        st.builds(lambda field, number: tag(field, VARINT) + varint(number), fields, st.integers(0, 2**64 - 1)),
        st.builds(fixed64, fields, st.integers(0, 2**64 - 1)),
        st.builds(lambda field, number: tag(field, FIXED32) + number, fields, st.binary(min_size=4, max_size=4)),
        st.builds(delimited, fields, st.binary(max_size=9) | st.just(b"u" * 600)),
    )

    def group(field: int, content: bytes) -> bytes:
        return tag(field, GROUP) + content + tag(field, GROUP_END)

    return st.recursive(
        leaf, lambda inner: st.builds(group, fields, st.lists(inner, max_size=3).map(b"".join)), max_leaves=4
    )


def _joined(parts: st.SearchStrategy[list[bytes]]) -> st.SearchStrategy[bytes]:
    return parts.map(b"".join)


def _entry_parts(key: st.SearchStrategy[bytes], value: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.builds(delimited, st.just(KEY), key, paddings),
        st.builds(delimited, st.just(VALUE), value, paddings),
        unknown(),
    )


odd_entries = _joined(st.lists(_entry_parts(keys, texts), max_size=4))
entries = st.one_of(st.builds(lambda key, value: delimited(KEY, key) + delimited(VALUE, value), keys, texts), odd_entries)


def odd_records(now_ns: int) -> st.SearchStrategy[bytes]:
    """Parts of records in any order."""
    part = st.one_of(
        st.builds(fixed64, st.just(TIME), times(now_ns)),
        st.builds(lambda number, padding: tag(SEVERITY, VARINT, padding) + varint(number), severities, paddings),
        st.builds(delimited, st.just(LEVEL), levels, paddings),
        st.builds(delimited, st.just(MESSAGE), texts, paddings),
        st.builds(delimited, st.just(ATTRIBUTES), entries, paddings),
        st.builds(delimited, st.just(ORIGINAL_TIMESTAMP), texts, paddings),
        unknown(),
        unknown(st.sampled_from([TIME, SEVERITY, LEVEL, MESSAGE, ATTRIBUTES, ORIGINAL_TIMESTAMP])),
    )
    many = st.builds(
        lambda count, value: b"".join(
            delimited(ATTRIBUTES, delimited(KEY, b"k%d" % number) + delimited(VALUE, value)) for number in range(count)
        ),
        st.sampled_from([63, 64, 65, 300]),
        st.sampled_from([0, 1, 5_000]).map(lambda size: b"v" * size),
    )
    return st.builds(bytes.__add__, _joined(st.lists(part, max_size=8)), st.one_of(st.just(b""), many))


def plain_records(now_ns: int) -> st.SearchStrategy[bytes]:
    """Records as encoders write them, mostly with nothing to be mended."""

    def record(time: int, severity: int, level: bytes, message: bytes, found: dict[bytes, bytes]) -> bytes:
        written = [
            fixed64(TIME, time) if time else b"",
            tag(SEVERITY, VARINT) + varint(severity) if severity else b"",
            delimited(LEVEL, level) if level else b"",
            delimited(MESSAGE, message) if message else b"",
            *(delimited(ATTRIBUTES, delimited(KEY, key) + delimited(VALUE, value)) for key, value in found.items()),
        ]
        return b"".join(written)

    own_keys = st.text("abk.\u00e9", min_size=1, max_size=20).map(str.encode)
    return st.builds(
        record,
        st.just(0) | st.integers(now_ns - 10**12, now_ns),
        st.integers(0, 24),
        st.sampled_from([b"info", b"warn", b"", b"verbose"]),
        ordinary_texts | st.just(b'"quoted" \\ \n\x1b[0m') | st.just(16_383).map(lambda size: b"m" * size),
        st.dictionaries(
            st.one_of(own_keys, own_keys.map(b"logstream.".__add__), own_keys),
            ordinary_texts | st.just(b'"\\\n\x1f') | st.just(b"v" * 130),
            max_size=3,
        ),
    )


def batches(now_ns: int, node: bytes = b"odd") -> st.SearchStrategy[bytes]:
    """Encoded batches, of which some are none. now_ns: that most of the times are of."""
    odd, plain = odd_records(now_ns), plain_records(now_ns)
    nodes = st.sampled_from([*[node] * 15, b"n\0", b"\0" * 255, b"", b"\xff", b"n" * 256])
    batch_ids = st.one_of(st.binary(min_size=16, max_size=16), st.sampled_from([*[bytes(range(16))] * 15, b"short"]))
    head = st.builds(lambda batch_id, node: [delimited(BATCH_ID, batch_id), delimited(NODE, node)], batch_ids, nodes)
    records = st.one_of(
        st.lists(plain, min_size=1, max_size=5),
        st.builds(lambda many, one: [*many, one], st.lists(plain, min_size=1, max_size=3), odd),
        st.lists(odd, min_size=1, max_size=4),
    )

    def many(found: list[bytes], times: int, padding: int) -> list[bytes]:
        fields = [delimited(RECORDS, record, padding) for record in found]
        return fields * times if sum(map(len, fields)) < _LARGE_BYTES else fields

    # As many as the stream service reads as columns.
    fields = st.builds(many, records, st.sampled_from([1, 1, 1, 130]), paddings)

    def joined(parts: Sequence[Sequence[bytes]], arrange: Callable[[list[bytes]], list[bytes]]) -> bytes:
        return b"".join(arrange(list(chain(*parts))))

    arrangements: st.SearchStrategy[Callable[[list[bytes]], list[bytes]]] = st.sampled_from([list, list, _turned, _strewn])
    whole = st.builds(joined, st.tuples(head, fields, st.lists(unknown(), max_size=2)), arrangements)
    breaking = st.sampled_from([*[None] * 7, _broken])
    return st.builds(
        lambda whole, broken, place, byte: broken(whole, place, byte) if broken else whole,
        whole,
        breaking,
        st.floats(0, 1),
        st.integers(0, 255),
    )


def _turned(parts: list[bytes]) -> list[bytes]:
    return parts[::-1]


def _strewn(parts: list[bytes]) -> list[bytes]:
    return parts[::2] + parts[1::2]


def _broken(whole: bytes, place: float, byte: int) -> bytes:
    """With one byte changed, or without its end."""
    at = int(place * len(whole))
    return whole[:at] + bytes([byte]) * (byte % 2) + whole[at + 1 :] * (byte % 3 > 0)
