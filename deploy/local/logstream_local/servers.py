"""The servers of the stack: PostgreSQL with TimescaleDB, RabbitMQ with its epmd, and Redis, inside the private root.

Their settings are the files compose uses too; only ports, addresses and folders are passed here.
"""

import os
import subprocess
from pathlib import Path
from typing import NoReturn

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT
from logstream_local.ports import HOST
from logstream_local.probes import amqp_answers, epmd_answers, http_answers, redis_answers
from logstream_local.program import SERVER_STOP_S, Probe, Program, Stack
from logstream_local.root import enter_command, user_ids
from logstream_local.terminal import say

SERVERS = ("postgres", "epmd", "rabbitmq", "redis")
_USER = {"postgres": "postgres", "epmd": "rabbitmq", "rabbitmq": "rabbitmq", "redis": "redis", "page": "www-data"}
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Without its port mapper RabbitMQ gives up at once. Debian's own wrapper is passed by: it stays in front of the server.
_START_RABBITMQ = """\
until epmd -names >/dev/null 2>&1; do sleep 0.1; done
exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
"""
# Erlang's schedulers look for work in a loop before they sleep, on cores that the other programs need. Compose has it too.
_ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none"
# The group of those who only read: docs/sql.md.
_READERS = "logstream_readonly"
_POSTGRES = "/usr/lib/postgresql/17/bin"


def data_folder(stack: Stack, program: str) -> Path:
    """What a server sees as /data. It also identifies the server's processes: see leftovers."""
    return stack.folders.data / program


def settings_folder(stack: Stack, program: str) -> Path:
    """What a server sees as /etc/logstream: copies of its settings, readable for its user whatever the checkout's modes."""
    return stack.folders.run / program


def inside(stack: Stack, program: str, argv: list[str]) -> list[str]:
    """The command that runs `argv` inside the root as the program's user, on its data and with its settings."""
    return enter_command(stack.root, _USER[program], data_folder(stack, program), settings_folder(stack, program), argv)


def postgres(stack: Stack) -> Program:
    """PostgreSQL. SIGINT is its fast shutdown: clients are cut off, everything committed is on disk."""
    argv = [f"{_POSTGRES}/postgres", "-D", "/data/cluster", "-c", "config_file=/etc/logstream/postgresql.conf"]
    argv += ["-c", f"listen_addresses={HOST}", "-c", f"port={stack.ports.postgres}", "-c", "unix_socket_directories="]
    return server(
        stack,
        "postgres",
        argv,
        {},
        files={"postgresql.conf": _read("timescaledb/postgresql.conf")},
        probe=lambda: _database_answers(stack),
        ports={stack.ports.postgres: "PostgreSQL"},
        stop_signal="INT",
    )


def epmd(stack: Stack) -> Program:
    """Erlang's port mapper, in the foreground and on our own port: RabbitMQ would otherwise leave one running for good."""
    return server(
        stack,
        "epmd",
        ["/usr/bin/epmd"],
        _epmd_environment(stack),
        probe=lambda: epmd_answers(stack.ports.epmd),
        ports={stack.ports.epmd: "epmd, RabbitMQ's port mapper"},
        stop_order=4,
    )


def rabbitmq(stack: Stack) -> Program:
    """RabbitMQ with its management and Prometheus plugins."""
    environment = {
        **_node_environment(stack),
        "RABBITMQ_CONFIG_FILE": "/etc/logstream/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "/etc/logstream/enabled_plugins",
        "RABBITMQ_MNESIA_BASE": "/data/nodes",
        "RABBITMQ_LOG_BASE": "/data/log",
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": "/data/pid",
        "RABBITMQ_DIST_PORT": str(stack.ports.erlang_distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} -kernel inet_dist_use_interface {{127,0,0,1}}",
        # For its helpers too: one of them starts an epmd that outlives everything when it finds none.
        "ERL_FLAGS": "-start_epmd false",
        # Makes the start script become the server instead of waiting beside it, so that the supervisor knows its process.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    ports = stack.ports
    return server(
        stack,
        "rabbitmq",
        ["/bin/sh", "-c", _START_RABBITMQ],
        environment,
        files={
            "rabbitmq.conf": _read("rabbitmq/rabbitmq.conf") + rabbitmq_settings(stack),
            "enabled_plugins": _read("rabbitmq/enabled_plugins"),
        },
        probe=lambda: _broker_answers(stack),
        ports={
            ports.amqp: "RabbitMQ, AMQP",
            ports.rabbitmq_management: "RabbitMQ management",
            ports.erlang_distribution: "RabbitMQ, Erlang distribution",
            ports.rabbitmq_prometheus: "RabbitMQ metrics",
        },
        url=f"http://{HOST}:{ports.rabbitmq_management}",
    )


def redis(stack: Stack) -> Program:
    """Redis."""
    argv = ["/usr/bin/redis-server", "/etc/logstream/redis.conf", "--bind", HOST, "--port", str(stack.ports.redis)]
    return server(
        stack,
        "redis",
        [*argv, "--dir", "/data"],
        {},
        files={"redis.conf": _read("redis/redis.conf")},
        probe=lambda: redis_answers(stack.ports.redis),
        ports={stack.ports.redis: "Redis"},
    )


def server(
    stack: Stack,
    name: str,
    argv: list[str],
    environment: dict[str, str],
    probe: Probe,
    ports: dict[int, str],
    files: dict[str, str] | None = None,
    trees: dict[str, Path] | None = None,
    url: str | None = None,
    stop_signal: str = "TERM",
    stop_order: int = 3,
) -> Program:
    """A program that runs inside the root. `files` and copies of `trees` become /etc/logstream there."""
    # The servers know no time zone but UTC and no locale but the neutral one, whatever the host's are.
    base = {"PATH": _PATH, "HOME": "/data", "LANG": "C.UTF-8", "TZ": "UTC"}
    return Program(
        name=name,
        service=name,
        argv=inside(stack, name, argv),
        environment={**base, **environment, **stack.state.environment.get(name, {})},
        folder=Path("/"),
        probe=probe,
        ports=ports,
        files=files or {},
        trees=trees or {},
        needs_root=True,
        url=url,
        stop_signal=stop_signal,
        stop_wait_s=SERVER_STOP_S,
        ready_within_s=180,
        stop_order=stop_order,
    )


def prepare(stack: Stack, program: Program) -> None:
    """Make what a server needs before its first or next start: folders of the right owner, settings, a database cluster.

    The server must not be running.
    """
    ids = user_ids(stack.root, _USER[program.name])
    data = data_folder(stack, program.name)
    data.mkdir(mode=0o700, exist_ok=True)
    found = data.stat()
    if (found.st_uid, found.st_gid) != ids:
        subprocess.run(["chown", "-R", f"{ids[0]}:{ids[1]}", str(data)], check=True)
    folder = stack.invoker.make_folder(settings_folder(stack, program.name))
    for name, text in program.files.items():
        _write_for(ids, folder / name, text)
    for name, tree in program.trees.items():
        subprocess.run(["rm", "-rf", str(folder / name)], check=True)
        # Readable for the server's user, whatever the modes of the checkout are.
        subprocess.run(["cp", "-r", "--no-preserve=mode,ownership", str(tree), str(folder / name)], check=True)
    if program.name == "postgres":
        _prepare_postgres(stack, ids)
    elif program.name == "rabbitmq":
        _write_for(ids, data / ".erlang.cookie", stack.secrets.erlang_cookie)


def _write_for(ids: tuple[int, int], path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
        file.write(text)
        os.fchown(file.fileno(), *ids)


def _read(name: str) -> str:
    return (CHECKOUT / "deploy" / name).read_text(encoding="utf-8")


def _epmd_environment(stack: Stack) -> dict[str, str]:
    return {"ERL_EPMD_PORT": str(stack.ports.epmd), "ERL_EPMD_ADDRESS": HOST}


def _prepare_postgres(stack: Stack, ids: tuple[int, int]) -> None:
    """Create the cluster in a folder beside its place and rename it: one that was interrupted is simply made again."""
    data = data_folder(stack, "postgres")
    # A server that was killed leaves this; the caller made sure that none runs on this folder.
    (data / "cluster" / "postmaster.pid").unlink(missing_ok=True)
    if (data / "cluster").exists():
        return
    say("creating the database cluster")
    subprocess.run(["rm", "-rf", str(data / "cluster.part"), str(data / "password")], check=True)
    _write_for(ids, data / "password", stack.secrets.postgres)
    script = (
        f"{_POSTGRES}/initdb --pgdata=/data/cluster.part --username=postgres --pwfile=/data/password --auth=scram-sha-256"
        " --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8 --no-instructions"
        # Every connection is checked by password, and only loopback is listened on.
        " && echo 'host all all 127.0.0.1/32 scram-sha-256' > /data/cluster.part/pg_hba.conf"
        " && rm /data/password && mv /data/cluster.part /data/cluster"
    )
    run_inside(stack, "postgres", ["/bin/sh", "-c", script])


def rabbitmq_settings(stack: Stack) -> str:
    """The part of RabbitMQ's configuration that belongs to this stack alone."""
    ports = stack.ports
    return f"""
listeners.tcp.local = {HOST}:{ports.amqp}
management.tcp.ip = {HOST}
management.tcp.port = {ports.rabbitmq_management}
prometheus.tcp.ip = {HOST}
prometheus.tcp.port = {ports.rabbitmq_prometheus}
default_user = logstream
default_pass = {stack.secrets.rabbitmq}
log.console = true
log.console.level = info
"""


def run_inside(
    stack: Stack, program: str, argv: list[str], environment: dict[str, str] | None = None, text: str = ""
) -> str:
    """Run a short command inside the root as the program's user and return its output. Raises StackError with its words."""
    full = {"PATH": _PATH, "HOME": "/data", "LANG": "C.UTF-8", "TZ": "UTC", **(environment or {})}
    command = inside(stack, program, argv)
    done = subprocess.run(command, env=full, input=text, capture_output=True, text=True, check=False, cwd="/", timeout=120)
    if done.returncode != 0:
        raise StackError(f"`{argv[0]}` for {program} failed: {done.stdout.strip()} {done.stderr.strip()}")
    return done.stdout


def become(stack: Stack, program: str, argv: list[str]) -> NoReturn:
    """Turns this process into a program that runs beside a server: as its user, on its data, with its client settings."""
    # Debian's own wrappers of RabbitMQ's tools are passed by here too: they look for the cookie in another home.
    tools = [Path("/", found.relative_to(stack.root)) for found in stack.root.glob("usr/lib/rabbitmq/lib/*/sbin")]
    path = ":".join([_POSTGRES, *map(str, tools), _PATH])
    environment = {"PATH": path, "HOME": "/data", "LANG": "C.UTF-8", "TZ": "UTC"}
    environment |= _client_environment(stack) if program == "postgres" else _node_environment(stack)
    # Wherever the caller is, that folder need not exist inside the root.
    os.chdir("/")
    command = inside(stack, program, argv)
    os.execvpe(command[0], command, environment)


def rabbitmqctl(stack: Stack, arguments: list[str]) -> str:
    """What the broker's own tool says. Raises StackError with its words."""
    # Debian's own wrapper is passed by here too: it looks for the cookie in another home.
    tool = 'exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmqctl "$@"'
    return run_inside(stack, "rabbitmq", ["/bin/sh", "-c", tool, "rabbitmqctl", *arguments], _node_environment(stack))


def _node_environment(stack: Stack) -> dict[str, str]:
    return {**_epmd_environment(stack), "RABBITMQ_NODENAME": f"logstream-{stack.name}@localhost"}


def _client_environment(stack: Stack) -> dict[str, str]:
    address = {"PGHOST": HOST, "PGPORT": str(stack.ports.postgres), "PGCONNECT_TIMEOUT": "3"}
    return {**address, "PGUSER": "postgres", "PGPASSWORD": stack.secrets.postgres}


def _sql(stack: Stack, database: str, statements: str) -> str:
    argv = [f"{_POSTGRES}/psql", "-d", database]
    argv += ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"]
    return run_inside(stack, "postgres", argv, _client_environment(stack), statements)


def create_database(stack: Stack) -> None:
    """Create roles, database and extension where they are missing. Raises StackError while the server is not up."""
    # \gexec runs each row of a query's answer as a statement: the way to "create if missing" for roles and databases.
    _sql(
        stack,
        "postgres",
        "SELECT 'CREATE ROLE logstream LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'logstream') \\gexec\n"
        f"ALTER ROLE logstream PASSWORD '{stack.secrets.logstream}';\n"
        f"SELECT 'CREATE ROLE {_READERS} NOLOGIN'"
        f" WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_READERS}') \\gexec\n"
        "SELECT 'CREATE DATABASE logstream OWNER logstream'"
        " WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'logstream') \\gexec\n",
    )
    _sql(stack, "logstream", "SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS timescaledb;")


def _database_answers(stack: Stack) -> str | None:
    try:
        found = f"SELECT 1 FROM pg_database, pg_roles WHERE datname = 'logstream' AND rolname = '{_READERS}'"
        if not _sql(stack, "postgres", found).strip():
            create_database(stack)
        if not _sql(stack, "logstream", "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").strip():
            create_database(stack)
    except (StackError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def _broker_answers(stack: Stack) -> str | None:
    health = f"http://{HOST}:{stack.ports.rabbitmq_management}/api/health/checks/virtual-hosts"
    return amqp_answers(stack.ports.amqp) or http_answers(health, "logstream", stack.secrets.rabbitmq)
