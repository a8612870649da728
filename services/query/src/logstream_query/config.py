"""The query service's settings."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from logstream_contract.units import MIB
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from logstream_runtime.guard import HOSTS_DOC, ORIGINS_DOC, AllowedHosts, AllowedOrigins, Hosts, Origins
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Config:
    database_url: Annotated[str, Field(pattern="^postgres(ql)?://")] = setting(
        "LOGSTREAM_DATABASE_URL",
        "The database with the logs: postgresql://user:password@host:5432/logstream. A read replica or a pooler is enough.",
        secret=True,
    )
    listen: ListenAddress = setting(
        "LOGSTREAM_QUERY_LISTEN",
        "The address to serve HTTP on. /livez, /readyz and /metrics are on the same port.",
        Address("0.0.0.0", 8080),
    )
    allowed_hosts: AllowedHosts = setting("LOGSTREAM_ALLOWED_HOSTS", HOSTS_DOC, Hosts())
    allowed_origins: AllowedOrigins = setting("LOGSTREAM_ALLOWED_ORIGINS", ORIGINS_DOC, Origins())
    processes: Annotated[int, Field(ge=1, le=64)] = setting(
        "LOGSTREAM_QUERY_PROCESSES", "Number of worker processes that share the port.", 1
    )
    pool_connections: Annotated[int, Field(ge=1, le=1000)] = setting(
        "LOGSTREAM_QUERY_POOL_CONNECTIONS", "Maximum number of database connections of one process.", 10
    )
    pool_wait_s: Annotated[float, Field(gt=0, le=60)] = setting(
        "LOGSTREAM_QUERY_POOL_WAIT_S",
        "How long a request waits for a database connection before it returns 503.",
        3.0,
        unit="s",
    )
    statement_timeout_s: Annotated[float, Field(ge=0.1, le=600)] = setting(
        "LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S",
        "How long the database may take for one statement, and a search for its smallest step, before the request returns "
        "504.",
        10.0,
        unit="s",
    )
    search_budget_s: Annotated[float, Field(ge=0.05, le=60)] = setting(
        "LOGSTREAM_QUERY_SEARCH_BUDGET_S",
        "How long a request searches records before it returns what it has found, with a cursor to continue.",
        0.8,
        unit="s",
    )
    searches: Annotated[int, Field(ge=1, le=1000)] = setting(
        "LOGSTREAM_QUERY_SEARCHES",
        "Maximum number of requests of one process that search records at the same time, at most two fewer than its "
        "connections. Further ones return 429.",
        8,
    )
    answer_bytes: Annotated[int, Field(ge=65_536, le=1_073_741_824)] = setting(
        "LOGSTREAM_QUERY_ANSWER_BYTES",
        "Maximum size in memory of the records of one response, which then ends with a cursor to continue.",
        8 * MIB,
        unit="bytes",
    )
    held_bytes: Annotated[int, Field(ge=1_048_576, le=1_099_511_627_776)] = setting(
        "LOGSTREAM_QUERY_HELD_BYTES",
        "Maximum size of the responses of one process that clients have not read yet. Beyond it, a large one becomes a 503.",
        96 * MIB,
        unit="bytes",
    )
    count_budget_s: Annotated[float, Field(ge=0.1, le=60)] = setting(
        "LOGSTREAM_QUERY_COUNT_BUDGET_S",
        "How long a histogram counts records, or a context searches neighbours, before it returns what it has so far.",
        1.0,
        unit="s",
    )
    export_records: Annotated[int, Field(ge=1, le=1_000_000_000)] = setting(
        "LOGSTREAM_QUERY_EXPORT_RECORDS",
        "Maximum number of records of one export, which says whether it left any out.",
        1_000_000,
    )
    legacy_timezone: ZoneInfo = setting(
        "LOGSTREAM_LEGACY_TIMEZONE", "IANA time zone of /historical-logs times without a zone.", ZoneInfo("UTC")
    )
    shutdown_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_SHUTDOWN_S", "How long a stopping process may take to finish its work.", 20.0, unit="s"
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Lowest level of the lines in the process's own log.", "info"
    )
