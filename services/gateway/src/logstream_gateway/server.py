"""One gateway process: the gRPC server around the handlers, from start to drained."""

import asyncio
import logging
import signal
from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from logstream_contract.packing import Packer
from logstream_contract.pb import logger_pb2, logs_pb2
from logstream_runtime.files import allow_files

from logstream_gateway.coalescer import Coalescer
from logstream_gateway.config import Config
from logstream_gateway.ingest import Ingest
from logstream_gateway.metrics import Metrics
from logstream_gateway.publisher import Publisher

log = logging.getLogger(__name__)

_SEED_SERVICE = logger_pb2.DESCRIPTOR.services_by_name["Logger"].full_name
_NATIVE_SERVICE = logs_pb2.DESCRIPTOR.services_by_name["LogIngest"].full_name
# Room above the batch limit for which the answer is our own error, which names the limit, rather than gRPC's.
_OVERSIZE_ROOM_BYTES = 12 * 1024 * 1024
# A coalesced batch stays well below any batch limit.
_COALESCE_BYTES = 1024 * 1024
_WATCH_S = 0.25
# Each sender has a connection, which takes little besides.
_FILES = 65_536


class Readiness:
    """Why the process can't take records, or None; read from other threads."""

    def __init__(self) -> None:
        self.why: str | None = "starting"

    def __call__(self) -> str | None:
        return self.why


async def serve(config: Config, metrics: Metrics, readiness: Readiness) -> None:
    """Serves until SIGTERM or SIGINT, then drains: no new calls, running ones are answered, the connection is closed.

    Raises OSError when the port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop_or_die(stop, number))
    publisher = Publisher(config.rabbitmq_url, config.inflight_bytes, config.publish_timeout_s, metrics)
    frame = Packer(config.compression_level).frame
    coalescer = Coalescer(
        publisher.publish, frame, publisher.late, config.coalesce_ms / 1000, config.coalesce_records, _COALESCE_BYTES
    )
    ingest = Ingest(
        publisher,
        frame,
        coalescer,
        config.limits,
        config.legacy_timezone,
        config.publish_timeout_s,
        config.retry_after_ms,
        metrics,
    )
    allow_files(_FILES)
    server, checks = build_server(config, ingest)
    publisher.start()
    await server.start()
    log.info("serving", extra={"listen": str(config.listen)})
    watching = asyncio.ensure_future(_watch(publisher, checks, readiness))
    await stop.wait()

    # New calls are refused first, then the window of SendLog is cut short so that waiting calls are answered now.
    watching.cancel()
    readiness.why = "stopping"
    await checks.enter_graceful_shutdown()
    stopping = asyncio.ensure_future(server.stop(config.shutdown_s))
    await asyncio.sleep(0)
    coalescer.flush()
    await stopping
    await asyncio.wait([asyncio.ensure_future(publisher.drain())], timeout=config.shutdown_s / 4)
    await publisher.close()
    log.info("stopped")


def build_server(config: Config, ingest: Ingest) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """The bound, not yet started server. Raises OSError when the port is taken."""
    server = grpc.aio.server(
        maximum_concurrent_rpcs=config.concurrent_calls,
        options=[
            ("grpc.max_receive_message_length", config.max_batch_bytes + _OVERSIZE_ROOM_BYTES),
            ("grpc.so_reuseport", int(config.processes > 1)),
            # Clients may keep idle connections alive through balancers without being told off.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ],
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                _SEED_SERVICE, {"SendLog": grpc.unary_unary_rpc_method_handler(ingest.send_log)}
            ),
            grpc.method_handlers_generic_handler(
                _NATIVE_SERVICE,
                {
                    "Push": grpc.unary_unary_rpc_method_handler(ingest.push),
                    "PushStream": grpc.stream_stream_rpc_method_handler(ingest.push_stream),
                },
            ),
        )
    )
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = (_SEED_SERVICE, _NATIVE_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        port = server.add_insecure_port(str(config.listen))
    except RuntimeError as error:
        raise OSError(f"LOGSTREAM_GATEWAY_LISTEN={config.listen}: can't be listened on, most likely taken") from error
    if not port:
        raise OSError(f"LOGSTREAM_GATEWAY_LISTEN={config.listen}: can't be listened on, most likely taken")
    return server, checks


async def _watch(publisher: Publisher, checks: health.aio.HealthServicer, readiness: Readiness) -> None:
    """Keeps readiness and grpc.health.v1 in step with the broker's connection."""
    shown = None
    while True:
        readiness.why = publisher.not_ready
        state = health_pb2.HealthCheckResponse
        status = state.NOT_SERVING if readiness.why else state.SERVING
        if status != shown:
            for name in ("", _SEED_SERVICE, _NATIVE_SERVICE):
                await checks.set(name, status)
            shown = status
        await asyncio.sleep(_WATCH_S)


def _stop_or_die(stop: asyncio.Event, number: int) -> Callable[[], None]:
    def handle() -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        log.info("stopping", extra={"signal": signal.Signals(number).name})
        stop.set()

    return handle
