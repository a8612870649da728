"""What a stack tells about itself: addresses, credentials, folders, and each program's process and state.

The JSON is read by tests and benchmarks; names in it stay.
"""

import time
from typing import Any

from logstream_local.errors import StackError
from logstream_local.lifecycle import all_programs
from logstream_local.ports import HOST
from logstream_local.program import Program, Stack
from logstream_local.supervision import ProgramState, Supervisor


def describe(stack: Stack) -> dict[str, Any]:
    """Everything about the stack, ready for JSON. Works for a stack that is down too: its programs are then STOPPED."""
    ports = stack.ports
    try:
        states = Supervisor(stack.folders, stack.invoker).states()
    except StackError:
        states = {}
    return {
        "name": stack.name,
        "running": bool(states),
        "ports": {
            "base": ports.base,
            "gateway": ports.gateway,
            "page": ports.page,
            "otlp": ports.otlp,
            "postgres": ports.postgres,
            "amqp": ports.amqp,
            "rabbitmq_management": ports.rabbitmq_management,
            "rabbitmq_prometheus": ports.rabbitmq_prometheus,
            "redis": ports.redis,
            "query": ports.query,
            "stream": ports.stream,
            "gateway_admin": ports.gateway_admin,
        },
        "urls": {
            "gateway": f"{HOST}:{ports.gateway}",
            "page": f"http://{HOST}:{ports.page}",
            # The base URL of OTLP over HTTP, to which senders append /v1/logs.
            "otlp": f"http://{HOST}:{ports.otlp}",
            "query": f"http://{HOST}:{ports.query}",
            "stream": f"http://{HOST}:{ports.stream}",
            "database": stack.database_url,
            "database_superuser": stack.superuser_url,
            "rabbitmq": stack.rabbitmq_url,
            "rabbitmq_management": f"http://logstream:{stack.secrets.rabbitmq}@{HOST}:{ports.rabbitmq_management}",
            "rabbitmq_metrics": f"http://{HOST}:{ports.rabbitmq_prometheus}/metrics",
            "redis": stack.redis_url,
        },
        "folders": {
            "stack": str(stack.folders.top),
            "data": str(stack.folders.data),
            "log": str(stack.folders.logs),
            "root": str(stack.root),
        },
        "programs": {
            program.name: {
                "service": program.service,
                "state": states[program.name].state if program.name in states else "STOPPED",
                "pid": states[program.name].pid if program.name in states else None,
                "url": program.url,
                "log": str(stack.folders.log(program.name)),
                "memory_bytes": program.memory_bytes,
                "memory_group": str(program.memory_group) if program.memory_bytes else None,
            }
            for program in all_programs(stack)
        },
    }


def table(stack: Stack) -> str:
    """The programs and their states, for reading."""
    try:
        states = Supervisor(stack.folders, stack.invoker).states()
    except StackError:
        return f"stack {stack.name} is down"
    rows = [("PROGRAM", "STATE", "PID", "SINCE", "ADDRESS")]
    for program in all_programs(stack):
        one = states.get(program.name)
        rows.append(
            (program.name, one.state if one else "STOPPED", str((one and one.pid) or ""), _since(one), _addresses(program))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip() for row in rows
    )


def _addresses(program: Program) -> str:
    """A program's URL, then its other ports: the gateway's are those that logs are sent to."""
    ports = [f"{HOST}:{port}" for port in program.ports]
    if program.url is None:
        return " ".join(ports)
    return " ".join([program.url, *(port for port in ports if port not in program.url)])


def _since(one: ProgramState | None) -> str:
    if one is None or one.state != "RUNNING":
        return ""
    seconds = max(0, int(time.time()) - one.started_at_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def addresses(stack: Stack) -> str:
    """What to open and where to send, for the end of `up`: of the programs that run."""
    ports = stack.ports
    programs = {name for name, one in Supervisor(stack.folders, stack.invoker).states().items() if one.is_alive}
    lines = []
    if "page" in programs:
        lines.append(f"page     http://localhost:{ports.page}")
        lines.append(f"REST     http://localhost:{ports.page}/api/logs")
    elif "query" in programs:
        lines.append(f"REST     http://{HOST}:{ports.query}/api/logs")
    if "gateway" in programs:
        lines.append(f"gateway  {HOST}:{ports.gateway} (gRPC)")
        lines.append(f"OTLP     http://{HOST}:{ports.otlp} (HTTP), {HOST}:{ports.gateway} (gRPC)")
    if "rabbitmq" in programs:
        lines.append(
            f"broker   http://{HOST}:{ports.rabbitmq_management} (user logstream, password in {stack.folders.secrets})"
        )
    return "\n".join(lines)
