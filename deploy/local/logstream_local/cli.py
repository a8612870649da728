"""The command line of the local stack: reads arguments, takes the stack's lock, calls, and turns errors into messages."""

import argparse
import json
import os
import sys
from collections.abc import Callable

from logstream_local import information, lifecycle, memory, servers, services
from logstream_local.errors import StackError
from logstream_local.folders import Folders, all_stacks, locked, stack_folders
from logstream_local.invoker import Invoker, become_root, check_system, current_invoker
from logstream_local.logs import show
from logstream_local.ports import DEFAULT_BASE, DEFAULT_STACK, free_base, plan_ports
from logstream_local.program import Program, Stack
from logstream_local.state import State, load_state, override, save_state
from logstream_local.supervision import Supervisor
from logstream_local.venv import ensure_venv, needs_ensurepip

# The rest change what only root may change.
_WITHOUT_ROOT = ("ps", "logs", "info")


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 0, or 1 with a message on stderr."""
    options = _parser().parse_args(arguments)
    # Files are read by the servers' users too, whatever the caller's mask.
    os.umask(0o022)
    try:
        if options.command == "venv":
            if needs_ensurepip():
                check_system()
                become_root(arguments)
            ensure_venv(current_invoker())
            return 0
        if options.command not in _WITHOUT_ROOT:
            check_system()
            become_root(arguments)
        invoker = current_invoker()
        folders = stack_folders(options.name)
        if options.command in _WITHOUT_ROOT:
            _COMMANDS[options.command](folders, invoker, options)
        else:
            with locked(
                folders.top.parent / f"{folders.name}.lock", invoker, f"another command on stack {folders.name} to end"
            ):
                _COMMANDS[options.command](folders, invoker, options)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stack.py", description="logstream on this machine, without Docker")
    parser.add_argument(
        "--name", default=DEFAULT_STACK, help="name of the stack; several can run side by side (default: %(default)s)"
    )
    parser.add_argument("--base-port", type=int, help=f"first of the stack's private ports (default: {DEFAULT_BASE})")
    parser.add_argument("--gateway-port", type=int, help="gRPC port (default: 4317, other stacks base + 30)")
    parser.add_argument("--page-port", type=int, help="port of the page (default: 3000, other stacks base + 31)")
    parser.add_argument("--otlp-port", type=int, help="port of OTLP over HTTP (default: 4318, other stacks base + 32)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (("up", "start and wait until ready"), ("demo", "up, and three example services that log")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--only", nargs="+", default=[], metavar="PROGRAM", help="only these programs or services")
        command.add_argument(
            "--env", action="append", default=[], metavar="SERVICE:VARIABLE=VALUE", help="override a setting; remembered"
        )
        command.add_argument(
            "--memory",
            action="append",
            default=[],
            metavar="SERVICE=BYTES",
            help="memory limit for each program of a service; remembered",
        )
    commands.add_parser("down", help="stop everything and keep the data")
    commands.add_parser("ps", help="show the programs and their states")
    logs = commands.add_parser("logs", help="show logs")
    logs.add_argument("service", nargs="?", help="one service or program")
    logs.add_argument("-f", "--follow", action="store_true", help="follow the logs")
    restart = commands.add_parser("restart", help="restart a service and wait until it is ready")
    restart.add_argument("service")
    scale = commands.add_parser("scale", help="set the number of replicas of a service")
    scale.add_argument("service")
    scale.add_argument("replicas", type=int)
    for name, text in (("start", "start one program and wait until it is ready"), ("stop", "stop one program")):
        commands.add_parser(name, help=text).add_argument("program")
    kill = commands.add_parser("kill", help="send one program a signal; the supervisor restarts it if it exits")
    kill.add_argument("program")
    kill.add_argument("--signal", default="KILL", help="signal name (default: %(default)s)")
    commands.add_parser("rabbitmqctl", help="run rabbitmqctl on the stack's broker").add_argument(
        "arguments", nargs=argparse.REMAINDER, help="its arguments"
    )
    execute = commands.add_parser("exec", help="run a program beside a server: exec postgres psql logstream")
    execute.add_argument("server", choices=servers.SERVERS)
    execute.add_argument("argv", nargs=argparse.REMAINDER, help="the program and its arguments")
    commands.add_parser("info", help="show addresses, credentials and processes").add_argument(
        "--json", action="store_true", required=True
    )
    clean = commands.add_parser("clean", help="stop, and remove generated files")
    clean.add_argument("--data", action="store_true", help="remove the data, too")
    commands.add_parser("venv", help="create or update the virtual environment")
    return parser


def _wished_state(folders: Folders, options: argparse.Namespace) -> State:
    """The remembered state with this command's options over it; defaults for a new stack."""
    state = load_state(folders)
    base = options.base_port
    if base is None and state is not None:
        base = state.base_port
    if base is None and folders.name != DEFAULT_STACK:
        others = [other.base_port for name in all_stacks() if (other := load_state(stack_folders(name)))]
        base = free_base(others)
    moved = state is not None and base != state.base_port
    gateway, page, otlp = options.gateway_port, options.page_port, options.otlp_port
    if state is not None and not moved:
        gateway = state.gateway_port if gateway is None else gateway
        page = state.page_port if page is None else page
        otlp = state.otlp_port if otlp is None else otlp
    ports = plan_ports(folders.name, base, gateway=gateway, page=page, otlp=otlp)
    wished = State(base_port=ports.base, gateway_port=ports.gateway, page_port=ports.page, otlp_port=ports.otlp)
    if state is not None:
        wished.writers, wished.environment, wished.memory = state.writers, state.environment, state.memory
        wished.retention_bytes = state.retention_bytes
    override(wished.environment, options.env)
    memory.limit(wished.memory, options.memory)
    return wished


def _up(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    state = _wished_state(folders, options)
    stack = lifecycle.up(folders, invoker, state, options.only, demo=options.command == "demo")
    print(information.addresses(stack))


def _down(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    lifecycle.down(folders, invoker)


def _ps(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    print(information.table(lifecycle.open_stack(folders, invoker)))


def _logs(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_stack(folders, invoker)
    programs = _named(stack, options.service) if options.service else lifecycle.all_programs(stack)
    show({program.name: folders.log(program.name) for program in programs}, options.follow)


def _info(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    print(json.dumps(information.describe(lifecycle.open_stack(folders, invoker)), indent=1))


def _restart(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_startable_stack(folders, invoker)
    Supervisor(folders, invoker).stop([program.name for program in _named(stack, options.service)])
    lifecycle.start(stack, lifecycle.select(lifecycle.all_programs(stack), [options.service], demo=False))


def _start(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_startable_stack(folders, invoker)
    lifecycle.start(stack, lifecycle.select(lifecycle.all_programs(stack), [options.program], demo=False))


def _stop(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_stack(folders, invoker)
    Supervisor(folders, invoker).stop([program.name for program in _named(stack, options.program)])


def _kill(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_stack(folders, invoker)
    for program in _named(stack, options.program):
        Supervisor(folders, invoker).signal(program.name, options.signal.upper().removeprefix("SIG"))


def _rabbitmqctl(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    print(servers.rabbitmqctl(lifecycle.open_stack(folders, invoker), options.arguments), end="")


def _exec(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    if not options.argv:
        raise StackError("exec: name a program, such as `exec postgres psql logstream`")
    servers.become(lifecycle.open_stack(folders, invoker), options.server, options.argv)


def _scale(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    stack = lifecycle.open_startable_stack(folders, invoker)
    refusal = services.scaled(stack.state, options.service, options.replicas)
    if refusal:
        raise StackError(refusal)
    programs = lifecycle.all_programs(stack)
    save_state(folders, stack.state, invoker)
    stopped = lifecycle.apply(stack, programs)
    lifecycle.start(stack, [*(program for program in programs if program.service == options.service), *stopped])


def _clean(folders: Folders, invoker: Invoker, options: argparse.Namespace) -> None:
    lifecycle.down(folders, invoker)
    lifecycle.clean(folders, options.data)


def _named(stack: Stack, name: str) -> list[Program]:
    return lifecycle.named(lifecycle.all_programs(stack), [name])


_COMMANDS: dict[str, Callable[[Folders, Invoker, argparse.Namespace], None]] = {
    "up": _up,
    "demo": _up,
    "down": _down,
    "ps": _ps,
    "logs": _logs,
    "info": _info,
    "restart": _restart,
    "start": _start,
    "stop": _stop,
    "kill": _kill,
    "rabbitmqctl": _rabbitmqctl,
    "exec": _exec,
    "scale": _scale,
    "clean": _clean,
}
