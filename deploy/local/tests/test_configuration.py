"""What is generated: launch files, the supervisor's configuration, RabbitMQ's and nginx's settings, overrides."""

import configparser
import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from logstream_local import disk, folders, information
from logstream_local.errors import StackError
from logstream_local.folders import stack_folders
from logstream_local.invoker import Invoker
from logstream_local.lifecycle import named, select
from logstream_local.memory import limit, limited
from logstream_local.program import Program, Stack
from logstream_local.servers import epmd, postgres, rabbitmq, rabbitmq_settings, redis
from logstream_local.services import page_settings, scaled, service_programs
from logstream_local.state import load_state, override, save_state
from logstream_local.supervision import ProgramState, Supervisor, launch_text, render


def program(**changes: object) -> Program:
    base = Program(
        name="writer-1",
        service="writer",
        argv=["python", "-m", "logstream_writer"],
        environment={"LOGSTREAM_RABBITMQ_URL": "amqp://u:p@h/%2F ; 'x' \"y\""},
        folder=Path("/"),
        probe=lambda: None,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",), strict=True)
    parser.read_string(text)
    return parser


def test_a_launch_file_carries_any_value_unharmed() -> None:
    made = program()
    assert json.loads(launch_text(made)) == {"argv": made.argv, "environment": made.environment, "folder": "/"}


def test_a_limited_program_joins_a_group_of_its_own_and_others_none(stack: Stack) -> None:
    writer, other = limited(stack.folders, {"writer": 1_000}, [program(), program(name="gateway", service="gateway")])
    group = json.loads(launch_text(writer))["memory"]
    assert group == {"group": str(writer.memory_group), "bytes": 1_000}
    assert writer.memory_group.name == "writer-1"
    assert "memory" not in json.loads(launch_text(other))


def test_limits_are_set_and_taken_back() -> None:
    memory = {"query": 5}
    limit(memory, ["gateway=7", "query", "stream"])
    assert memory == {"gateway": 7}


@pytest.mark.parametrize("wish", ["=5", "gateway=", "gateway=768m", "gateway=-1"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(wish: str) -> None:
    with pytest.raises(StackError, match="SERVICE=BYTES"):
        limit({}, [wish])


def test_no_secret_stands_in_the_supervisors_configuration(stack: Stack) -> None:
    made = [postgres(stack), epmd(stack), rabbitmq(stack), redis(stack), program(environment={"X": stack.database_url})]
    text = render(stack.folders, stack.invoker, made)
    assert stack.secrets.logstream not in text
    assert set(parsed(text).sections()) >= {f"program:{one.name}" for one in made}


@pytest.mark.parametrize("change", [{"environment": {"X": "1"}}, {"files": {"a.conf": "b"}}, {"argv": ["other"]}])
def test_a_changed_program_changes_its_section_and_no_other(stack: Stack, change: dict[str, object]) -> None:
    other = program(name="gateway", service="gateway")
    before = parsed(render(stack.folders, stack.invoker, [program(), other]))
    after = parsed(render(stack.folders, stack.invoker, [program(**change), other]))
    assert before["program:writer-1"] != after["program:writer-1"]
    assert before["program:gateway"] == after["program:gateway"]


def test_services_run_as_the_calling_user_and_servers_as_root(stack: Stack) -> None:
    user = Invoker(uid=4711, gid=4711, name="ada", home=Path("/home/ada"))
    sections = parsed(render(stack.folders, user, [program(), redis(stack)]))
    assert sections["program:writer-1"]["user"] == "ada"
    assert "user" not in sections["program:redis"]
    assert sections["unix_http_server"]["chown"] == "4711:4711"


@pytest.mark.parametrize("name", ["Trial", "", "a/b", "1st", "a" * 32])
def test_a_stack_name_unfit_for_files_and_hosts_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="stack name"):
        stack_folders(name)


def test_a_checkout_the_supervisor_could_not_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "CHECKOUT", Path("/tmp/100%"))
    with pytest.raises(StackError, match="100%"):
        stack_folders("proof")


def test_the_servers_listen_on_loopback_at_their_ports(stack: Stack) -> None:
    assert "listen_addresses=127.0.0.1" in postgres(stack).argv
    assert "port=25001" in postgres(stack).argv
    assert redis(stack).argv[-6:] == ["--bind", "127.0.0.1", "--port", "25006", "--dir", "/data"]
    assert epmd(stack).environment["ERL_EPMD_ADDRESS"] == "127.0.0.1"
    lines = rabbitmq_settings(stack).splitlines()
    assert "listeners.tcp.local = 127.0.0.1:25002" in lines
    assert "management.tcp.ip = 127.0.0.1" in lines
    assert "prometheus.tcp.ip = 127.0.0.1" in lines


def test_the_gateway_listens_where_logs_are_sent_to(stack: Stack) -> None:
    (gateway,) = (made for made in service_programs(stack) if made.service == "gateway")
    assert gateway.environment["LOGSTREAM_GATEWAY_LISTEN"] == "127.0.0.1:25030"
    assert gateway.environment["LOGSTREAM_GATEWAY_OTLP_LISTEN"] == "127.0.0.1:25032"
    assert set(gateway.ports) == {25013, 25030, 25032}


def test_ps_and_info_name_the_ports_for_logs(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    running = ProgramState(
        name="gateway", state="RUNNING", pid=7, exit_status=0, started_at_s=0, description="pid 7, uptime 0:00:01"
    )
    monkeypatch.setattr(Supervisor, "states", lambda supervisor: {"gateway": running})
    (row,) = (line for line in information.table(stack).splitlines() if line.startswith("gateway"))
    assert row.endswith("  http://127.0.0.1:25013 127.0.0.1:25030 127.0.0.1:25032")
    assert information.describe(stack)["urls"]["otlp"] == "http://127.0.0.1:25032"
    assert information.addresses(stack).splitlines() == [
        "gateway  127.0.0.1:25030 (gRPC)",
        "OTLP     http://127.0.0.1:25032 (HTTP), 127.0.0.1:25030 (gRPC)",
    ]


def test_the_page_template_gets_our_values_and_keeps_nginx_variables(stack: Stack) -> None:
    template = (
        "listen ${LOGSTREAM_PAGE_LISTEN}; root ${LOGSTREAM_PAGE_ROOT}; a ${LOGSTREAM_QUERY_ADDRESS}; $host ${request_uri}"
    )
    text = page_settings(stack, template)
    assert text == "listen 127.0.0.1:25031; root /etc/logstream/html; a 127.0.0.1:25011; $host ${request_uri}"


def test_overrides_are_set_replaced_and_taken_back() -> None:
    environment: dict[str, dict[str, str]] = {}
    override(environment, ["gateway:A=1", "gateway:B=x=y:z", "writer:A="])
    assert environment == {"gateway": {"A": "1", "B": "x=y:z"}, "writer": {"A": ""}}
    override(environment, ["gateway:A=2", "gateway:B", "writer:A", "query:NEVER"])
    assert environment == {"gateway": {"A": "2"}}


@pytest.mark.parametrize("wish", ["A=1", ":A=1", "gateway:=1", "gateway"])
def test_a_malformed_override_is_refused(wish: str) -> None:
    with pytest.raises(StackError, match="SERVICE:VARIABLE"):
        override({}, [wish])


def test_state_survives_and_damage_is_named(stack: Stack) -> None:
    stack.folders.top.mkdir()
    stack.state.environment["gateway"] = {"A": "1"}
    save_state(stack.folders, stack.state, stack.invoker)
    assert load_state(stack.folders) == stack.state
    # An earlier release knew no port of OTLP.
    older = json.loads(stack.folders.state.read_text(encoding="utf-8"))
    del older["otlp_port"]
    stack.folders.state.write_text(json.dumps(older), encoding="utf-8")
    assert load_state(stack.folders) == stack.state
    assert stack.folders.state.stat().st_mode & 0o777 == 0o600
    stack.folders.state.write_text("{", encoding="utf-8")
    with pytest.raises(StackError, match=r"state\.json is damaged"):
        load_state(stack.folders)


def test_selection_by_program_by_service_and_all() -> None:
    programs = [
        program(name=name, service=service)
        for name, service in (("epmd", "epmd"), ("rabbitmq", "rabbitmq"), ("writer-1", "writer"), ("writer-2", "writer"))
    ]
    programs.append(program(name="node-orders", service="node-orders"))

    def names(chosen: list[Program]) -> list[str]:
        return [one.name for one in chosen]

    assert names(select(programs, [], demo=False)) == ["epmd", "rabbitmq", "writer-1", "writer-2"]
    assert names(select(programs, [], demo=True))[-1] == "node-orders"
    assert names(select(programs, ["rabbitmq"], demo=False)) == ["epmd", "rabbitmq"]
    assert names(named(programs, ["writer"])) == ["writer-1", "writer-2"]
    assert names(named(programs, ["writer-2"])) == ["writer-2"]
    with pytest.raises(StackError, match="'wrtier'"):
        select(programs, ["wrtier"], demo=False)


def test_only_writers_scale_here(stack: Stack) -> None:
    assert scaled(stack.state, "writer", 3) is None
    assert stack.state.writers == 3
    assert "gateway" in (scaled(stack.state, "gateway", 2) or "")


def test_the_pages_own_settings_become_directives(stack: Stack) -> None:
    template = "map {\n${LOGSTREAM_PAGE_HOSTS}\n}\nmap {\n${LOGSTREAM_PAGE_ORIGINS}\n}\n${LOGSTREAM_PAGE_REAL_IP}"
    assert page_settings(stack, template) == "map {\n\n}\nmap {\n\n}\n"
    stack.state.environment["page"] = {
        "LOGSTREAM_ALLOWED_HOSTS": "Logs.example.com, *.example.org,none,",
        "LOGSTREAM_ALLOWED_ORIGINS": "https://shop.example.com:8443,http://[::1]:8080,null",
        "LOGSTREAM_PAGE_TRUSTED_PROXIES": "10.0.0.0/8,fd00::7",
    }
    assert page_settings(stack, template).splitlines() == [
        "map {",
        r'"~^logs\.example\.com$" 0;',
        r'"~^.+\.example\.org$" 0;',
        "}",
        "map {",
        r'"~*^https://shop\.example\.com:8443$" $http_origin;',
        r'"~*^http://\[::1\]:8080$" $http_origin;',
        '"~*^null$" $http_origin;',
        "}",
        "set_real_ip_from 10.0.0.0/8;",
        "set_real_ip_from fd00::7;",
        "real_ip_header X-Forwarded-For;",
        "real_ip_recursive on;",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://jaeger.example.org/trace/{trace_id}",
        "http://[::1]:16686?trace={trace_id}",
        "https://grafana.example.org/explore?panes=%7B%22query%22:%22{trace_id}%22%7D&orgId=1#{trace_id}",
    ],
)
def test_the_address_of_the_tracing_ui_gets_to_the_page(stack: Stack, url: str) -> None:
    stack.state.environment["page"] = {"LOGSTREAM_PAGE_TRACE_URL": url}
    assert page_settings(stack, "${LOGSTREAM_PAGE_TRACE_URL}") == url


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOGSTREAM_PAGE_TRACE_URL", "https://jaeger.example.org/trace/"),
        ("LOGSTREAM_PAGE_TRACE_URL", "ftp://jaeger.example.org/{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "javascript://x/{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "/trace/{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://{trace_id}.example.org/"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/{trace_id}/{span_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/$host/{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/'\"{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/\\{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/{trace_id}\nhttps://y/{trace_id}"),
        ("LOGSTREAM_PAGE_TRACE_URL", "https://x/{trace_id}\n"),
        ("LOGSTREAM_ALLOWED_HOSTS", 'a";} server { '),
        ("LOGSTREAM_ALLOWED_HOSTS", "logs.example.com:443"),
        ("LOGSTREAM_ALLOWED_HOSTS", "a\nb;"),
        ("LOGSTREAM_ALLOWED_ORIGINS", "https://shop.example.com/"),
        ("LOGSTREAM_PAGE_TRUSTED_PROXIES", "10.0.0.0/8; x"),
        ("LOGSTREAM_PAGE_TRUSTED_PROXIES", "proxy.example.com"),
    ],
)
def test_nothing_else_gets_into_nginxs_settings(stack: Stack, name: str, text: str) -> None:
    stack.state.environment["page"] = {name: text}
    with pytest.raises(StackError, match=name):
        page_settings(stack, "${LOGSTREAM_PAGE_HOSTS}")


GIB = 2**30


@pytest.mark.parametrize(
    ("room", "limit"), [(108 * GIB, 70 * GIB), (18 * GIB, 7 * GIB), (8 * GIB, 8 * GIB // 10), (GIB, GIB // 10)]
)
def test_records_get_a_part_of_the_room(room: int, limit: int) -> None:
    assert disk.retention_bytes(room) == limit


def test_what_the_stack_takes_itself_is_room(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=GIB))
    folder = stack.folders.data / "postgres"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(bytes(8 * 2**20))
    assert GIB + 8 * 2**20 <= disk.room_bytes(stack.folders.data) < GIB + 9 * 2**20


def test_writers_are_told_the_limit_unless_another_one_is_wished(stack: Stack) -> None:
    def told() -> list[str | None]:
        made = service_programs(stack)
        return [one.environment.get("LOGSTREAM_RETENTION_BYTES") for one in made if one.service == "writer"]

    stack.state.writers = 2
    # A stack of before, until its next `up`.
    assert told() == [None, None]
    stack.state.retention_bytes = 7
    assert told() == ["7", "7"]
    override(stack.state.environment, ["writer:LOGSTREAM_RETENTION_BYTES=0"])
    assert told() == ["0", "0"]
