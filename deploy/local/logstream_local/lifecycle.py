"""Starts, repairs, changes and stops a stack, in the order that makes each of them safe to run at any time."""

import shutil
import time
from pathlib import Path

from logstream_local import disk, leftovers, memory, node, servers, services
from logstream_local.errors import StackError
from logstream_local.folders import Folders
from logstream_local.invoker import Invoker, check_system
from logstream_local.logs import tail
from logstream_local.ports import holder, is_free, plan_ports
from logstream_local.program import Program, Stack
from logstream_local.root import ensure_root, root_path
from logstream_local.state import State, ensure_secrets, load_secrets, load_state, save_state
from logstream_local.supervision import Supervisor, launch_file, launch_text, render
from logstream_local.terminal import say
from logstream_local.venv import ensure_venv

_POLL_S = 0.15
# A service ends with this when its configuration is wrong; trying again cannot help.
_BAD_CONFIGURATION = 2


def open_stack(folders: Folders, invoker: Invoker) -> Stack:
    """A stack that was started before. Raises StackError for one that was not."""
    state = load_state(folders)
    if state is None:
        raise StackError(f"stack {folders.name} was never started here")
    return _stack(folders, invoker, state)


def open_startable_stack(folders: Folders, invoker: Invoker) -> Stack:
    """The same, for commands that start programs. Raises StackError while the root that this checkout asks for is not built,
    as after an update: then only `up` may go from the old root to the new one."""
    stack = open_stack(folders, invoker)
    if not stack.root.is_dir():
        raise StackError(f"{stack.root}, which this checkout runs the servers in, is not built yet: run `up` first")
    return stack


def _stack(folders: Folders, invoker: Invoker, state: State) -> Stack:
    ports = plan_ports(folders.name, state.base_port, gateway=state.gateway_port, page=state.page_port, otlp=state.otlp_port)
    return Stack(
        folders=folders,
        state=state,
        ports=ports,
        secrets=load_secrets(folders),
        invoker=invoker,
        root=root_path(invoker),
    )


def all_programs(stack: Stack) -> list[Program]:
    """Every program this checkout can run, examples too."""
    own = [servers.postgres(stack), servers.epmd(stack), servers.rabbitmq(stack), servers.redis(stack)]
    programs = [*own, *services.service_programs(stack), *services.example_programs(stack)]
    return memory.limited(stack.folders, stack.state.memory, programs)


def select(programs: list[Program], only: list[str], demo: bool) -> list[Program]:
    """The programs `up` is about: those named by program or service, else all but the examples (with them for a demo).

    Raises StackError for a name that is none.
    """
    if not only:
        return [program for program in programs if demo or program.service not in services.EXAMPLES]
    # RabbitMQ cannot start without its port mapper.
    return named(programs, [*only, "epmd"] if "rabbitmq" in only else only)


def named(programs: list[Program], names: list[str]) -> list[Program]:
    """The programs with one of these names, or of a service with one. Raises StackError for a name that is neither."""
    known = {name for program in programs for name in (program.name, program.service)}
    for name in names:
        if name not in known:
            raise StackError(f"no program or service {name!r} here; there are {', '.join(sorted(known))}")
    return [program for program in programs if program.name in names or program.service in names]


def up(folders: Folders, invoker: Invoker, state: State, only: list[str], demo: bool) -> Stack:
    """Bring the selected programs up and wait until every one is ready. Raises StackError naming what is not.

    Repairs whatever an earlier run left. Programs that run unchanged are not touched.
    """
    check_system()
    for folder in (folders.data, folders.logs, folders.run / "programs"):
        invoker.make_folder(folder)
    ensure_secrets(folders, invoker)
    if state.retention_bytes is None:
        state.retention_bytes = disk.retention_bytes(disk.room_bytes(folders.data))
    stack = _stack(folders, invoker, state)
    programs = all_programs(stack)
    chosen = select(programs, only, demo)
    if not only:
        _name_missing(chosen, [*services.SERVICES, *(services.EXAMPLES if demo else ())])
    supervisor = Supervisor(folders, invoker)
    if not supervisor.answers():
        leftovers.end_stale_supervisor(supervisor.configuration, folders.run / "supervisord.pid")
    leftovers.end_leftovers(folders, supervisor.pid() if supervisor.answers() else None)
    before = load_state(folders)
    _check_ports(chosen, _own_ports(_stack(folders, invoker, before)) if before else set(), folders.name)
    save_state(folders, state, invoker)

    ensure_venv(invoker)
    ensure_root(invoker)
    services_chosen = {program.service for program in chosen}
    if "page" in services_chosen:
        node.ensure_page(invoker)
    if services_chosen.intersection(services.EXAMPLES):
        node.ensure_examples(invoker)
    # Built parts are part of what the programs are made from.
    programs = all_programs(stack)
    chosen = select(programs, only, demo)
    stopped = [program for program in apply(stack, programs) if program not in chosen]
    start(stack, [*chosen, *stopped])
    return stack


def _name_missing(chosen: list[Program], expected: list[str]) -> None:
    for name in expected:
        if name not in {program.service for program in chosen}:
            say(f"skipping {name}: this checkout has no program for it")


def apply(stack: Stack, programs: list[Program]) -> list[Program]:
    """Make the supervisor know exactly these programs; it is started if need be.

    Changed programs are stopped; those of them that ran are returned, to be started again.
    """
    supervisor = Supervisor(stack.folders, stack.invoker)
    for program in programs:
        stack.invoker.write(launch_file(stack.folders, program.name), launch_text(program), mode=0o600)
    stack.invoker.write(supervisor.configuration, render(stack.folders, stack.invoker, programs), mode=0o600)
    if not supervisor.answers():
        supervisor.launch()
        return []
    alive = {name for name, one in supervisor.states().items() if one.is_alive}
    changed = alive.intersection(supervisor.load())
    if changed:
        say(f"restarting changed programs: {', '.join(sorted(changed))}")
    return [program for program in programs if program.name in changed]


def start(stack: Stack, programs: list[Program]) -> None:
    """Start those of the programs that do not run, and wait until all of them are ready. Raises StackError."""
    supervisor = Supervisor(stack.folders, stack.invoker)
    states = supervisor.states()
    waiting = [program.name for program in programs if not states[program.name].is_alive]
    supervisor.stop(waiting)
    for program in programs:
        if program.name in waiting and program.needs_root:
            servers.prepare(stack, program)
    supervisor.start(waiting)
    wait_ready(stack, programs, quiet=not waiting)


def wait_ready(stack: Stack, programs: list[Program], quiet: bool = False) -> None:
    """Wait until each program answers its probe. Raises StackError with the end of the log of one that does not."""
    supervisor = Supervisor(stack.folders, stack.invoker)
    began = time.monotonic()
    pending = {program.name: program for program in programs}
    reasons: dict[str, str] = {}
    if not quiet:
        say(f"waiting for {', '.join(pending)}")
    while pending:
        states = supervisor.states()
        for name, program in list(pending.items()):
            one = states[name]
            reason = program.probe() if one.state == "RUNNING" else f"it is {one.state.lower()} ({one.description})"
            if reason is None:
                del pending[name]
                if not quiet:
                    say(f"  {name} ready after {time.monotonic() - began:.1f} s")
                continue
            reasons[name] = reason
            hopeless = one.state == "FATAL" or (one.state in ("BACKOFF", "EXITED") and one.exit_status == _BAD_CONFIGURATION)
            if hopeless or time.monotonic() - began > program.ready_within_s:
                raise StackError(_not_ready(stack, program, reason, time.monotonic() - began))
        if pending:
            time.sleep(_POLL_S)


def _not_ready(stack: Stack, program: Program, reason: str, waited_s: float) -> str:
    path = stack.folders.log(program.name)
    lines = "\n".join(f"  {line}" for line in tail(path, 25))
    return f"{program.name} is not ready after {waited_s:.0f} s: {reason}\nThe end of its log, {path}:\n{lines}"


def _own_ports(stack: Stack) -> set[int]:
    """Ports that the stack's running programs hold themselves."""
    supervisor = Supervisor(stack.folders, stack.invoker)
    states = supervisor.states() if supervisor.answers() else {}
    running = [program for program in all_programs(stack) if program.name in states and not states[program.name].is_down]
    return {port for program in running for port in program.ports}


def _check_ports(programs: list[Program], own: set[int], name: str) -> None:
    """Refuse to start anything while a port that will be needed is someone else's."""
    problems = []
    for program in programs:
        for port, purpose in program.ports.items():
            if port not in own and not is_free(port):
                owner = holder(port)
                problems.append(f"port {port} ({purpose}) is in use{f' by {owner}' if owner else ''}")
    if problems:
        option = {
            "gateway, gRPC": "--gateway-port (make: GATEWAY_PORT=)",
            "gateway, OTLP": "--otlp-port (make: OTLP_PORT=)",
            "page": "--page-port (make: PAGE_PORT=)",
        }
        options = {
            option.get(text.partition("(")[2].partition(")")[0], "--base-port (make: BASE_PORT=)") for text in problems
        }
        raise StackError(
            "\n".join(problems)
            + f"\nNothing was started. Set other ports for stack {name} with {' and '.join(sorted(options))}, or free them."
        )


def down(folders: Folders, invoker: Invoker) -> None:
    """Stop everything, senders first and servers last, and whatever an earlier run left. The data stays."""
    supervisor = Supervisor(folders, invoker)
    if supervisor.answers():
        state = load_state(folders)
        stack = _stack(folders, invoker, state) if state else None
        orders = {program.name: program.stop_order for program in all_programs(stack)} if stack else {}
        alive = [name for name, one in supervisor.states().items() if not one.is_down]
        for order in sorted({orders.get(name, 0) for name in alive}):
            batch = [name for name in alive if orders.get(name, 0) == order]
            say(f"stopping {', '.join(batch)}")
            supervisor.stop(batch)
        supervisor.shut_down()
        leftovers.await_end(folders.run / "supervisord.pid")
    leftovers.end_stale_supervisor(supervisor.configuration, folders.run / "supervisord.pid")
    leftovers.end_leftovers(folders)


def clean(folders: Folders, data: bool) -> None:
    """Remove what was generated; with `data` everything. The stack must be down."""
    _remove(folders.logs)
    _remove(folders.run)
    memory.remove_groups(folders)
    if data:
        _remove(folders.top)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
