"""Who is behind a connection is who the trusted proxies say, and nobody else's word counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_stream.web.client import PRIVATE, Networks, client_of, read_networks


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("172.18.0.5", "1.1.1.1,198.51.100.1 , 10.0.0.7", "198.51.100.1"),
        ("172.18.0.5", "10.1.2.3", "10.1.2.3"),
        ("100.64.3.7", "198.51.100.1", "198.51.100.1"),
        ("100.128.3.7", "198.51.100.1", "100.128.3.7"),
        ("127.0.0.1", "198.51.100.1, unknown", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 10.0.0.7", "10.0.0.7"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        ("::1", "2001:db8:1:2:ffff::5", "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
        ("no address", "198.51.100.1", "no address"),
    ],
)
def test_the_client_is_the_last_who_is_no_trusted_proxy(peer: str, forwarded_for: str, client: str) -> None:
    assert client_of(peer, forwarded_for, PRIVATE) == client


def test_where_no_proxy_is_trusted_the_header_is_not_looked_at() -> None:
    assert client_of("127.0.0.1", "198.51.100.1", Networks()) == "127.0.0.1"


@given(st.text(), st.text("0123456789.:, []abcf", max_size=60))
def test_any_header_has_a_client(peer: str, forwarded_for: str) -> None:
    client_of(peer, forwarded_for, PRIVATE)
    client_of("127.0.0.1", forwarded_for, PRIVATE)


def test_networks_are_read_and_written() -> None:
    assert str(read_networks("10.0.0.0/8, 192.168.1.7,fc00::/7")) == "10.0.0.0/8,192.168.1.7/32,fc00::/7"
    assert str(read_networks("none")) == "none"
    assert read_networks(PRIVATE) is PRIVATE


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "page", "10.0.0.1,,10.0.0.2"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="expected addresses and networks such as"):
        read_networks(text)
