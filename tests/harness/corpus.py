"""Records whose texts are easily compared wrongly, and questions about them: what history and the live stream must both
answer the same. It must not know what the right answers are."""

import unicodedata
from collections.abc import Sequence
from itertools import cycle
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode


class Sample(NamedTuple):
    """A record without time and sequence."""

    node: str
    level: str
    severity: int
    message: str
    attributes: dict[str, str]


MESSAGES = (
    "Disk FULL on /dev/sda1",
    "disk is full to 100%",
    "disk_full",
    "diskXfull",
    "İSTANBUL İ",
    "istanbul i",
    "i\u0307stanbul",
    "ıstanbul ISTANBUL",
    "STRASSE ss",
    "Straße ß",
    "STRAẞE ẞ",
    "ΟΔΟΣ ΣΑΣ ΑΣ.",
    "οδος σας",
    "οδοσ σασ",
    "한글 로그",
    unicodedata.normalize("NFD", "한글 로그"),
    "ÉTÉ été",
    unicodedata.normalize("NFD", "ÉTÉ été"),
    "50 % _%_ %%",
    "back\\slash \\% \\_ \\\\",
    'say "hi", it\'s `ok`',
    "\u202eright to left\u202c \u200f\u200e",
    "💥🚀 👨‍👩‍👧 emoji",
    "",
    " ",
    "tab\tnew\nline\r end",
    "Ǆ ǅ ǆ ﬁ ﬀ",
    "\u212a kelvin, \u212b ångström, \u2126 ohm",
    "𐐀𐐨 Ⴀⴀ Ꭰꭰ Ǳ ᾈᾀ",
    "line\u2028separator \ufffd \x7f \x1b[0m",
    "-minus -x --",
    "long " + "xyZ " * 700,
)
LEVELS = (
    ("info", 9), ("INFO", 9), ("Warn", 13), ("error", 17), ("debug", 5), ("ΣΑΣ", 0), ("İnfo", 0), ("100%", 0), ("", 0),
    ("l_vel", 0), ("a level of more than eight bytes", 0), ("notice", 24),
)  # fmt: skip
NODES = ("api-1", "api-2", "API-1", "db%", "db_1", "nöde ß", "a\\b", "api.eu.1")
ATTRIBUTES: tuple[dict[str, str], ...] = (
    {},
    {"user": "7"},
    {},
    {"user": "8", "http.route": "/a b?c=d&e"},
    {"User": "7"},
    {"user": ""},
    {"": "7"},
    {":": ",", "a": "user"},
    # Its JSON holds what the JSON of the one before begins with.
    {"a": ":", "b": "c"},
    {'k"q': "v\\", "ключ": "İ \n"},
    {"user": "7", "k": "\u2028%_"},
)
# One of each, and again, so that texts, levels and attributes meet in many ways.
SAMPLES = tuple(
    Sample(node, level, severity, message, dict(attributes))
    for node, (level, severity), message, attributes, _ in zip(
        cycle(NODES), cycle(LEVELS), cycle(MESSAGES), cycle(ATTRIBUTES), range(3 * len(MESSAGES)), strict=False
    )
)

Query = Sequence[tuple[str, str]]

QUERIES: tuple[Query, ...] = (
    (),
    *[(("q", text),) for text in (
        "disk full", "disk_full", "100%", "%", "_", "\\", "\\%", '"is full"', "-disk", "-x", "- ", "istanbul", "İSTANBUL",
        "i\u0307", "ı", "ss", "ß", "ẞ", "σας", "ΣΑΣ", "σασ", "한", unicodedata.normalize("NFD", "한"), "é", "e\u0301", "É",
        "💥", "\u202e", "k -kelvin", "å", "ω", "ﬁ", "Ꭰ", '" "', '"\n"', "'; DROP TABLE logs; --", '\\"hi\\"', "XYZ",
        "\ufffd",
    )],
    *[(("level", text),) for text in ("info", "INFO,warn", "σας", "ΣΑς", "i\u0307nfo", "İNFO", "100%", "l_vel", "nothing")],
    *[(("min_level", text),) for text in ("1", "info", "warn", "24")],
    *[(("node", text),) for text in (
        "api-1", "api-*", "*1", "a*p*", "*%", "db_*", "*\\*", "NÖDE*", "nöde*", "**", "*-*,db%",
    )],
    *[(("attr.user", text),) for text in ("7", "8", "", "none")],
    (("-attr.user", "7"),),
    (("-attr.user", "7"), ("-attr.user", "")),
    (("attr.user", "7"), ("-attr.k", "\u2028%_")),
    (("attr.:", ","),),
    (("-attr.:", ","),),
    (('attr.k"q', "v\\"), ("attr.ключ", "İ \n")),
    (("attr.http.route", "/a b?c=d&e"), ("level", "error,info,debug,warn"), ("q", "-zzz"), ("node", "*")),
)  # fmt: skip


def query_string(query: Query, node_prefix: str = "") -> str:
    """node_prefix: of the nodes asked about; with one, no others are."""
    pairs = list(query)
    if node_prefix:
        nodes = next((value for name, value in pairs if name == "node"), "*")
        prefixed = ",".join(node_prefix + node for node in nodes.split(","))
        pairs = [pair for pair in pairs if pair[0] != "node"] + [("node", prefixed)]
    return urlencode(pairs)


def random_query(chance: Random) -> Query:
    """A question that some of the samples may answer."""
    pairs: list[tuple[str, str]] = []
    if chance.random() < 0.6:
        pairs.append(("q", " ".join(_term(chance) for _ in range(chance.randint(1, 3)))))
    if chance.random() < 0.3:
        levels = [_recased(chance, level) for level, _ in chance.sample(LEVELS, 5) if level]
        pairs.append(("level", ",".join(levels)))
    if chance.random() < 0.3:
        pairs.append(("min_level", str(chance.randint(1, 24))))
    if chance.random() < 0.3:
        pairs.append(("node", ",".join(_node(chance) for _ in range(chance.randint(1, 3)))))
    if chance.random() < 0.4:
        known = [pair for attributes in ATTRIBUTES for pair in attributes.items() if pair[0]]
        pairs += {f"{chance.choice(['', '-'])}attr.{key}": value for key, value in chance.sample(known, 2)}.items()
    return pairs


def _recased(chance: Random, text: str) -> str:
    return chance.choice([text, text.upper(), text.lower(), text.swapcase()])


def _term(chance: Random) -> str:
    message = chance.choice([message for message in MESSAGES if message])[:60]
    start = chance.randrange(len(message))
    text = _recased(chance, message[start : start + chance.choice([1, 1, 2, 3, 8])])
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{chance.choice(["", "", "-"])}"{quoted}"'


def _node(chance: Random) -> str:
    node = chance.choice(NODES)
    for _ in range(chance.randint(0, 2)):
        start = chance.randrange(len(node) + 1)
        node = node[:start] + "*" + node[start + chance.randrange(3) :]
    return node or "*"
