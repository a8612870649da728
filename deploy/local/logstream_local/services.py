"""logstream's own programs in the stack: gateway, writers, query, stream, the page and the examples.

Each is started as anywhere else, by `python -m logstream_<name>` with its configuration in the environment.
"""

import shutil
import subprocess
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT
from logstream_local.leftovers import MARK
from logstream_local.ports import HOST
from logstream_local.probes import http_answers
from logstream_local.program import Program, Stack
from logstream_local.servers import server
from logstream_local.state import State

PYTHON_SERVICES = ("gateway", "writer", "query", "stream")
SERVICES = (*PYTHON_SERVICES, "page")
EXAMPLES = ("node-orders", "node-payments", "python-inventory")
_PYTHON = CHECKOUT / ".venv" / "bin" / "python"
DASHBOARD = CHECKOUT / "services" / "dashboard"
_LISTENER = Path(__file__).with_name("listener.pl")
_START_NGINX = ("/usr/sbin/nginx", "-e", "stderr", "-c", "/etc/logstream/nginx.conf")
_PAGE_TEMPLATE = DASHBOARD / "nginx" / "default.conf.template"
# Check settings and derive values for the template; in the image the entry point sources them.
_SCRIPTS = tuple(
    DASHBOARD / "entrypoint.d" / name for name in ("17-logstream-visitors.envsh", "18-logstream-trace-url.envsh")
)
_DERIVED = ("LOGSTREAM_PAGE_HOSTS", "LOGSTREAM_PAGE_ORIGINS", "LOGSTREAM_PAGE_REAL_IP", "LOGSTREAM_PAGE_TRACE_URL")
_PAGE_ROOT = "/etc/logstream/html"
# Names the sources the built page was made from; see node.
PAGE_STAMP = DASHBOARD / "node_modules" / ".built-page"
# Fixed, not the caller's: a program whose environment changes is restarted.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def service_programs(stack: Stack) -> list[Program]:
    """The services that exist in this checkout."""
    programs = []
    for name, programs_of in (("gateway", _gateway), ("writer", _writers), ("query", _query), ("stream", _stream)):
        if (CHECKOUT / "services" / name / "src" / f"logstream_{name}" / "__main__.py").exists():
            programs += programs_of(stack)
    if _PAGE_TEMPLATE.exists():
        programs.append(_page(stack))
    return programs


def example_programs(stack: Stack) -> list[Program]:
    """The example services that exist in this checkout."""
    programs = []
    for name in EXAMPLES:
        folder = CHECKOUT / "examples" / name
        if (folder / "src" / "main.js").exists():
            argv = [shutil.which("node") or "node", "src/main.js"]
        elif (folder / "main.py").exists():
            argv = [str(_PYTHON), "main.py"]
        else:
            continue
        environment = {"LOGSTREAM_GATEWAY": f"{HOST}:{stack.ports.gateway}"}
        programs.append(_own(stack, name, name, argv, environment, stop_order=0, folder=folder))
    return programs


def _gateway(stack: Stack) -> list[Program]:
    ports = stack.ports
    environment = {
        "LOGSTREAM_RABBITMQ_URL": stack.rabbitmq_url,
        "LOGSTREAM_GATEWAY_LISTEN": f"{HOST}:{ports.gateway}",
        "LOGSTREAM_GATEWAY_OTLP_LISTEN": f"{HOST}:{ports.otlp}",
        "LOGSTREAM_ADMIN_LISTEN": f"{HOST}:{ports.gateway_admin}",
    }
    taken = {ports.gateway: "gateway, gRPC", ports.otlp: "gateway, OTLP", ports.gateway_admin: "gateway, admin"}
    return [_python(stack, "gateway", "gateway", environment, ports.gateway_admin, taken, stop_order=1)]


def _writers(stack: Stack) -> list[Program]:
    programs = []
    for replica in range(1, stack.state.writers + 1):
        port = stack.ports.writer_admin(replica)
        environment = {
            "LOGSTREAM_RABBITMQ_URL": stack.rabbitmq_url,
            "LOGSTREAM_DATABASE_URL": stack.database_url,
            "LOGSTREAM_REDIS_URL": stack.redis_url,
            "LOGSTREAM_ADMIN_LISTEN": f"{HOST}:{port}",
        }
        if stack.state.retention_bytes is not None:
            environment["LOGSTREAM_RETENTION_BYTES"] = str(stack.state.retention_bytes)
        programs.append(_python(stack, f"writer-{replica}", "writer", environment, port, {port: f"writer {replica}, admin"}))
    return programs


def _query(stack: Stack) -> list[Program]:
    port = stack.ports.query
    environment = {"LOGSTREAM_DATABASE_URL": stack.database_url, "LOGSTREAM_QUERY_LISTEN": f"{HOST}:{port}"}
    return [_python(stack, "query", "query", environment, port, {port: "query, HTTP"})]


def _stream(stack: Stack) -> list[Program]:
    port = stack.ports.stream
    environment = {
        "LOGSTREAM_RABBITMQ_URL": stack.rabbitmq_url,
        "LOGSTREAM_REDIS_URL": stack.redis_url,
        "LOGSTREAM_STREAM_LISTEN": f"{HOST}:{port}",
        # On one machine every viewer is the same client.
        "LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "0",
    }
    return [_python(stack, "stream", "stream", environment, port, {port: "stream, HTTP"})]


def _python(
    stack: Stack,
    name: str,
    service: str,
    environment: dict[str, str],
    admin_port: int,
    ports: dict[int, str],
    stop_order: int = 2,
) -> Program:
    url = f"http://{HOST}:{admin_port}"
    argv = [str(_PYTHON), "-m", f"logstream_{service}"]
    return _own(stack, name, service, argv, environment, stop_order, url=url, ports=ports)


def _own(
    stack: Stack,
    name: str,
    service: str,
    argv: list[str],
    environment: dict[str, str],
    stop_order: int,
    folder: Path | None = None,
    url: str | None = None,
    ports: dict[int, str] | None = None,
) -> Program:
    """A program that runs on the host as the caller's user. Without a `url` there is nothing to ask; running is ready."""
    base = {
        "PATH": f"{_PYTHON.parent}:{_PATH}",
        "HOME": str(stack.invoker.home),
        "USER": stack.invoker.name,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        MARK: str(stack.folders.top),
    }
    return Program(
        name=name,
        service=service,
        argv=argv,
        environment={**base, **environment, **stack.state.environment.get(service, {})},
        folder=folder or stack.folders.run,
        probe=(lambda: http_answers(f"{url}/readyz")) if url else (lambda: None),
        ports=ports or {},
        url=url,
        stop_order=stop_order,
    )


def _page(stack: Stack) -> Program:
    """nginx with the built page, joining query and stream under one origin."""
    url = f"http://{HOST}:{stack.ports.page}"
    return server(
        stack,
        "page",
        ["/usr/bin/perl", "/etc/logstream/listener.pl", HOST, str(stack.ports.page), *_START_NGINX],
        {},
        probe=lambda: http_answers(f"{url}/"),
        ports={stack.ports.page: "page"},
        files={
            "nginx.conf": _NGINX,
            "listener.pl": _LISTENER.read_text(encoding="utf-8"),
            "default.conf": page_settings(stack, _PAGE_TEMPLATE.read_text(encoding="utf-8")),
            # A page built anew is a changed program.
            "built": PAGE_STAMP.read_text(encoding="ascii") if PAGE_STAMP.exists() else "",
        },
        trees={"html": DASHBOARD / "dist"},
        url=url,
        stop_order=2,
    )


def page_settings(stack: Stack, template: str) -> str:
    """The page's nginx template with this stack's values. Only these variables are replaced: nginx has its own. Raises
    StackError for a setting that can't be read."""
    own = stack.state.environment.get("page", {})
    values = {
        "LOGSTREAM_PAGE_LISTEN": f"{HOST}:{stack.ports.page}",
        "LOGSTREAM_QUERY_ADDRESS": f"{HOST}:{stack.ports.query}",
        "LOGSTREAM_STREAM_ADDRESS": f"{HOST}:{stack.ports.stream}",
        "LOGSTREAM_PAGE_ROOT": _PAGE_ROOT,
        "LOGSTREAM_PAGE_GATEWAY": f":{stack.ports.gateway}",
        "LOGSTREAM_PAGE_FAILURE_LOG": "/data/failures.log",
        # On one machine every reader is the same client.
        "LOGSTREAM_PAGE_REQUESTS_PER_CLIENT": "50",
        "LOGSTREAM_PAGE_REQUESTS": "50",
    }
    values |= {name: own[name] for name in values.keys() & own.keys()} | _derived(own)
    for name, value in values.items():
        template = template.replace("${" + name + "}", value)
    return template


def _derived(settings: dict[str, str]) -> dict[str, str]:
    """What the image's entry point makes of the page's settings."""
    values = " ".join(f'"${name}"' for name in _DERIVED)
    command = ["sh", "-euc", f'for script; do . "$script"; done; printf "%s\\0" {values}', "sh", *map(str, _SCRIPTS)]
    environment = {"PATH": _PATH, **settings}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise StackError(made.stderr.strip())
    return dict(zip(_DERIVED, made.stdout.split("\0"), strict=False))


def scaled(state: State, service: str, replicas: int) -> str | None:
    """Set the number of replicas in the state; otherwise why that cannot be done here."""
    if service != "writer":
        return (
            f"only writers can be scaled in the local stack: {service} has one port here; on Kubernetes every service scales"
        )
    state.writers = replicas
    return None


_NGINX = """\
# What the official image's nginx.conf does around its conf.d, for a foreground nginx that writes only to /data.
daemon off;
# As in the image.
worker_processes 2;
pid /data/nginx.pid;
error_log stderr warn;

events {
  worker_connections 8192;
}

http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log off;
  sendfile on;
  keepalive_timeout 65;
  client_body_temp_path /data/body;
  proxy_temp_path /data/proxy;
  fastcgi_temp_path /data/fastcgi;
  uwsgi_temp_path /data/uwsgi;
  scgi_temp_path /data/scgi;
  include /etc/logstream/default.conf;
}
"""
