"""The query service's settings."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from logstream_contract.units import MIB
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from logstream_runtime.guard import HOSTS_DOC, ORIGINS_DOC, AllowedHosts, AllowedOrigins, Hosts, Origins
from pydantic import Field


@dataclass(frozen=True)
class Config:
    database_url: Annotated[str, Field(pattern="^postgres(ql)?://")] = setting(
        "LOGSTREAM_DATABASE_URL",
        "Where the logs are stored: postgresql://user:password@host:5432/logstream. A read replica or a pooler will do.",
        secret=True,
    )
    listen: ListenAddress = setting(
        "LOGSTREAM_QUERY_LISTEN",
        "Where HTTP is served, with /livez, /readyz and /metrics on the same port.",
        Address("0.0.0.0", 8080),
    )
    allowed_hosts: AllowedHosts = setting("LOGSTREAM_ALLOWED_HOSTS", HOSTS_DOC, Hosts())
    allowed_origins: AllowedOrigins = setting("LOGSTREAM_ALLOWED_ORIGINS", ORIGINS_DOC, Origins())
    processes: Annotated[int, Field(ge=1, le=64)] = setting("LOGSTREAM_QUERY_PROCESSES", "Processes that share the port.", 1)
    pool_connections: Annotated[int, Field(ge=1, le=1000)] = setting(
        "LOGSTREAM_QUERY_POOL_CONNECTIONS", "Connections to the database that one process opens at most.", 10
    )
    pool_wait_s: Annotated[float, Field(gt=0, le=60)] = setting(
        "LOGSTREAM_QUERY_POOL_WAIT_S", "How long a request waits for a connection before it is answered 503.", 3.0, unit="s"
    )
    statement_timeout_s: Annotated[float, Field(ge=0.1, le=600)] = setting(
        "LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S",
        "How long the database may work on one statement, and a search on its smallest step, before the request is answered "
        "504.",
        10.0,
        unit="s",
    )
    search_budget_s: Annotated[float, Field(ge=0.05, le=60)] = setting(
        "LOGSTREAM_QUERY_SEARCH_BUDGET_S",
        "How long a request looks through records before it answers with what it found and a cursor to go on.",
        0.8,
        unit="s",
    )
    searches: Annotated[int, Field(ge=1, le=1000)] = setting(
        "LOGSTREAM_QUERY_SEARCHES",
        "Requests of one process that may look through records at a time, at most two fewer than its connections; others "
        "are answered 429.",
        8,
    )
    answer_bytes: Annotated[int, Field(ge=65_536, le=1_073_741_824)] = setting(
        "LOGSTREAM_QUERY_ANSWER_BYTES",
        "Records of one answer at most, by what they take in memory; it then ends with a cursor to go on.",
        8 * MIB,
        unit="bytes",
    )
    held_bytes: Annotated[int, Field(ge=1_048_576, le=1_099_511_627_776)] = setting(
        "LOGSTREAM_QUERY_HELD_BYTES",
        "Answers of one process that their clients have not yet taken; a large one past it is answered 503.",
        96 * MIB,
        unit="bytes",
    )
    count_budget_s: Annotated[float, Field(ge=0.1, le=60)] = setting(
        "LOGSTREAM_QUERY_COUNT_BUDGET_S",
        "How long a histogram counts records, or a context looks for neighbours, before it answers how far it got.",
        1.0,
        unit="s",
    )
    export_records: Annotated[int, Field(ge=1, le=1_000_000_000)] = setting(
        "LOGSTREAM_QUERY_EXPORT_RECORDS", "Records of one export at most; what it left out is told.", 1_000_000
    )
    legacy_timezone: ZoneInfo = setting(
        "LOGSTREAM_LEGACY_TIMEZONE", "Zone of /historical-logs times that name none, an IANA name.", ZoneInfo("UTC")
    )
    shutdown_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_SHUTDOWN_S", "How long a stopping process may take to finish its work.", 20.0, unit="s"
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Least severe line of the process's own log.", "info"
    )
