"""The port plan: distinct ports inside the block, sensible refusals, and a taken port recognised with its holder."""

import os
import socket

import pytest
from logstream_local.errors import StackError
from logstream_local.ports import BLOCK, MAX_WRITERS, Ports, free_base, holder, is_free, plan_ports


def every_port(ports: Ports) -> list[int]:
    private = [
        ports.postgres,
        ports.amqp,
        ports.rabbitmq_management,
        ports.epmd,
        ports.erlang_distribution,
        ports.redis,
        ports.rabbitmq_prometheus,
        ports.query,
        ports.stream,
        ports.gateway_admin,
    ]
    return [*private, *(ports.writer_admin(i) for i in range(1, MAX_WRITERS + 1)), ports.gateway, ports.page, ports.otlp]


def test_every_program_has_a_port_of_its_own_within_the_block() -> None:
    ports = every_port(plan_ports("proof", 25000))
    assert len(set(ports)) == len(ports)
    assert all(25000 < port < 25000 + BLOCK for port in ports)


def test_default_stack_has_the_well_known_public_ports() -> None:
    ports = plan_ports("default")
    assert (ports.base, ports.gateway, ports.page, ports.otlp) == (17000, 4317, 3000, 4318)


def test_public_ports_can_be_chosen() -> None:
    ports = plan_ports("proof", 25000, gateway=14317, page=13000, otlp=14318)
    assert (ports.gateway, ports.page, ports.otlp) == (14317, 13000, 14318)


@pytest.mark.parametrize(
    ("base", "public", "named"),
    [
        (80, {}, "80"),
        (65530, {}, "65530"),
        (25000, {"gateway": 70000}, "70000"),
        (25000, {"gateway": 25001}, "25001"),
        (25000, {"otlp": 25011}, "25011"),
        (25000, {"gateway": 3000, "page": 3000}, "gateway and page .* 3000"),
        (25000, {"otlp": 25030}, "gateway and OTLP .* 25030"),
    ],
)
def test_impossible_ports_are_refused_by_value(base: int, public: dict[str, int], named: str) -> None:
    with pytest.raises(StackError, match=named):
        plan_ports("proof", base, **public)


def test_a_tenth_writer_is_refused() -> None:
    with pytest.raises(StackError, match="writer 10"):
        plan_ports("proof", 25000).writer_admin(10)


def test_a_taken_port_is_seen_and_its_holder_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.listen()
        assert not is_free(port)
        assert f"process {os.getpid()}" in holder(port)
    assert is_free(port)
    assert holder(port) == ""


def test_a_listener_on_all_addresses_takes_the_port_too() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_a_free_block_keeps_away_from_known_stacks() -> None:
    first = free_base([])
    assert abs(free_base([first]) - first) >= BLOCK
