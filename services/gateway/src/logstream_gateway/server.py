"""One gateway process, from its start to its end: builds everything, serves, and stops in order."""

import asyncio
import logging
import signal
from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb import logger_pb2, logs_pb2
from logstream_runtime.files import allow_files
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

from logstream_gateway.admission import Admission, Bounds, Reception
from logstream_gateway.coalescer import Coalescer
from logstream_gateway.config import Config
from logstream_gateway.failures import limit_logs
from logstream_gateway.health_and_reflection import GuardedHandlers
from logstream_gateway.ingest import Ingest
from logstream_gateway.metrics import EXPORT_HTTP, Metrics
from logstream_gateway.otlp import Otlp
from logstream_gateway.otlp_http import OtlpHttp
from logstream_gateway.overseer import Overseer, Readiness
from logstream_gateway.publisher import Publisher
from logstream_gateway.streams import StreamBounds, Streams
from logstream_gateway.unavailable import Unavailable

log = logging.getLogger(__name__)

_LEGACY_SERVICE = logger_pb2.DESCRIPTOR.services_by_name["Logger"].full_name
_NATIVE_SERVICE = logs_pb2.DESCRIPTOR.services_by_name["LogIngest"].full_name
_OTLP_SERVICE = logs_service_pb2.DESCRIPTOR.services_by_name["LogsService"].full_name
# A message that exceeds the batch limit by less than this gets the gateway's own error, which names the limit, not gRPC's.
_OVERSIZE_ROOM_BYTES = 256 * 1024
# An ordinary slot counts as this part of the largest message at least.
_SLOT_DIVISOR = 3
# How much of a call's message gRPC accepts before the handler reads it: the flow-control window of a stream.
_FLOW_WINDOW_BYTES = 512 * 1024
# Calls that may wait for room to receive their message: 64 MiB of windows, and one more call for each connection.
_WAITING_CALLS = 128
# Calls that gRPC holds until the loop accepts them. By default, gRPC cancels some at random when there are 1,000.
_PENDING_CALLS = 4096
# Calls of a connection that have ended for the client, but that the loop has not cleaned up yet.
_UNCLEARED_CALLS = 1024
# A connection that has reached its age stays open this much longer than a PushStream can last.
_CONNECTION_GRACE_S = 60.0
_HANDSHAKE_MS = 20_000
# Messages whose callers have left get this share of the shutdown time, after all calls have ended.
_DRAIN_SHARE = 0.25
# A coalesced batch stays well below any batch limit.
_COALESCE_BYTES = 1024 * 1024
# Each sender has a connection, and so an open file.
_FILES = 65_536


async def serve(config: Config, metrics: Metrics, readiness: Readiness) -> None:
    """Serves until SIGTERM or SIGINT, then drains: new calls are refused, calls in progress are answered, the connection is
    closed.

    Raises OSError when the port is in use.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop_or_die(stop, number))
    publisher = Publisher(
        url=config.rabbitmq_url,
        inflight_limit_bytes=config.inflight_bytes,
        timeout_s=config.publish_timeout_s,
        metrics=metrics,
    )
    frame = Packer(config.compression_level).frame
    coalescer = Coalescer(
        publish=publisher.publish,
        frame=frame,
        timeout_error=publisher.timeout_error,
        window_s=config.coalesce_ms / 1000,
        max_records=config.coalesce_records,
        max_bytes=_COALESCE_BYTES,
    )
    admission = Admission(
        Bounds(
            calls=config.concurrent_calls,
            bytes=config.under_way_bytes,
            message_bytes=_slot_bytes(config),
            waiting=_WAITING_CALLS,
            receive_s=config.receive_timeout_s,
        ),
        lambda: publisher.held_bytes,
    )
    streams = Streams(
        StreamBounds(streams=config.push_streams, idle_s=config.stream_idle_s, age_s=config.stream_age_s),
        lambda reason: metrics.ended_streams.labels(reason).inc(),
    )
    otlp = Otlp(
        publisher=publisher,
        new_frame=lambda: Packer(config.compression_level).frame,
        limits=config.limits,
        options=config.otlp_options,
        max_bytes=config.otlp_max_bytes,
    )
    ingest = Ingest(
        publisher=publisher,
        frame=frame,
        coalescer=coalescer,
        otlp=otlp,
        admission=admission,
        streams=streams,
        limits=config.limits,
        legacy_zone=config.legacy_timezone,
        timeout_s=config.publish_timeout_s,
        retry_after_ms=config.retry_after_ms,
        metrics=metrics,
    )
    allow_files(_FILES)
    limit_logs()
    server, health_servicer = build_server(config, ingest, admission, metrics)
    http = OtlpHttp(
        otlp=otlp,
        admission=admission,
        confirm=ingest.confirm,
        origins=config.otlp_origins,
        timeout_s=config.publish_timeout_s,
        retry_after_ms=config.retry_after_ms,
        metrics=metrics,
    )

    def end(reception: Reception, error: Unavailable) -> None:
        (http if reception.method == EXPORT_HTTP else ingest).end(reception, error)

    overseer = Overseer(
        publisher=publisher,
        end=end,
        admission=admission,
        streams=streams,
        health_servicer=health_servicer,
        services=(_LEGACY_SERVICE, _NATIVE_SERVICE, _OTLP_SERVICE),
        readiness=readiness,
        metrics=metrics,
        memory_bytes=config.memory_bytes,
    )
    await http.start(config.otlp_listen, share_port=config.processes > 1)
    publisher.start()
    await server.start()
    log.info("serving", extra={"listen": str(config.listen), "otlp_listen": str(config.otlp_listen)})
    overseeing = asyncio.ensure_future(overseer.run())
    await stop.wait()
    overseeing.cancel()
    readiness.not_ready = "stopping"
    await _drain(
        shutdown_s=config.shutdown_s,
        server=server,
        http=http,
        health_servicer=health_servicer,
        admission=admission,
        streams=streams,
        coalescer=coalescer,
        publisher=publisher,
    )
    otlp.close()


async def _drain(
    *,
    shutdown_s: float,
    server: grpc.aio.Server,
    http: OtlpHttp,
    health_servicer: health.aio.HealthServicer,
    admission: Admission,
    streams: Streams,
    coalescer: Coalescer,
    publisher: Publisher,
) -> None:
    """The steps of a stop, each with a line in the log.

    New calls are refused first. Then PushStreams are read no further and the window of SendLog is closed, so that every
    batch and record that has arrived gets its answer now. The connection to the broker closes last.
    """
    await health_servicer.enter_graceful_shutdown()
    stopping = asyncio.gather(server.stop(shutdown_s), http.stop(shutdown_s))
    await asyncio.sleep(0)
    log.info("new calls are refused", extra={"calls": admission.calls, "streams": len(streams)})
    streams.stop()
    coalescer.flush()
    log.info("PushStreams are ended and gathered records are published", extra={"unconfirmed_bytes": publisher.held_bytes})
    await stopping
    log.info("calls have ended", extra={"unconfirmed_bytes": publisher.held_bytes})
    await asyncio.wait([asyncio.ensure_future(publisher.drain())], timeout=shutdown_s * _DRAIN_SHARE)
    log.info("confirms are no longer awaited", extra={"unconfirmed_bytes": publisher.held_bytes})
    await publisher.close()
    log.info("the connection to the broker is closed")
    log.info("stopped")


def build_server(
    config: Config, ingest: Ingest, admission: Admission, metrics: Metrics
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """The server, bound to its port and not yet started. Raises OSError when the port is in use."""
    server = grpc.aio.server(
        options=[
            # Also the limit to which gRPC unpacks a compressed message.
            ("grpc.max_receive_message_length", _most_bytes(config)),
            ("grpc.max_concurrent_streams", config.connection_calls),
            # By default, gRPC refuses calls of a client that respects the limit while ended calls are not cleaned up yet.
            ("grpc.http2.max_deallocating_streams", _UNCLEARED_CALLS),
            ("grpc.server.max_pending_requests", _PENDING_CALLS),
            ("grpc.server.max_pending_requests_hard_limit", _PENDING_CALLS),
            # Otherwise windows grow to 4 MiB for each call while memory seems plentiful.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", _FLOW_WINDOW_BYTES),
            ("grpc.max_connection_age_ms", round(config.connection_age_s * 1000)),
            ("grpc.max_connection_age_grace_ms", round((config.stream_age_s + _CONNECTION_GRACE_S) * 1000)),
            ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
            ("grpc.so_reuseport", int(config.processes > 1)),
            # Clients may send pings to keep idle connections alive through load balancers.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ],
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                _LEGACY_SERVICE, {"SendLog": grpc.stream_unary_rpc_method_handler(ingest.send_log)}
            ),
            grpc.method_handlers_generic_handler(
                _NATIVE_SERVICE,
                {
                    "Push": grpc.stream_unary_rpc_method_handler(ingest.push),
                    "PushStream": grpc.stream_stream_rpc_method_handler(ingest.push_stream),
                },
            ),
            grpc.method_handlers_generic_handler(
                _OTLP_SERVICE, {"Export": grpc.stream_unary_rpc_method_handler(ingest.export)}
            ),
        )
    )
    health_servicer = health.aio.HealthServicer()
    names = (_LEGACY_SERVICE, _NATIVE_SERVICE, _OTLP_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    guarded = GuardedHandlers(
        metrics=metrics,
        admission=admission,
        receive_s=config.receive_timeout_s,
        clock=asyncio.get_running_loop().time,
    )
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, guarded)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(names), guarded)
    guarded.register(server)
    try:
        port = server.add_insecure_port(str(config.listen))
    except RuntimeError as error:
        raise OSError(
            f"LOGSTREAM_GATEWAY_LISTEN={config.listen}: cannot listen on this address; it is probably in use"
        ) from error
    if not port:
        raise OSError(f"LOGSTREAM_GATEWAY_LISTEN={config.listen}: cannot listen on this address; it is probably in use")
    return server, health_servicer


def _most_bytes(config: Config) -> int:
    """The largest message that gRPC takes. It has one limit for all methods."""
    return max(config.max_batch_bytes, config.otlp_max_bytes) + _OVERSIZE_ROOM_BYTES


def _slot_bytes(config: Config) -> int:
    """What an ordinary slot counts as. With the default bounds there are 12, so that no more than as many messages arrive at
    the same moment that are larger: whatever they say, a message of a few bytes may unpack to the largest."""
    return max(config.max_batch_bytes + _OVERSIZE_ROOM_BYTES, _most_bytes(config) // _SLOT_DIVISOR)


def _stop_or_die(stop: asyncio.Event, number: int) -> Callable[[], None]:
    def handle() -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        log.info("stopping", extra={"signal": signal.Signals(number).name})
        stop.set()

    return handle
