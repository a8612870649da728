"""Requests of OpenTelemetry's senders, encoded once and then only stamped, as batches are."""

from typing import Any, Final

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from bench import sdk
from bench.batches import TIME, Kind, Stamps, message_of, trace_at, traces_of

# Where the time is put at which the SDK saw the record; see TIME.
_OBSERVED: Final = 0xA1B2_C3D5_0000_0000


class StampedExport:
    """One encoded ExportLogsServiceRequest. Its records become the rows of the StampedBatch with the same node, kind and
    seed. It has no id, because the gateway derives one."""

    def __init__(self, node: str, kind: Kind, seed: int) -> None:
        random = np.random.default_rng(seed)
        traces = traces_of(random)
        records = []
        for index in range(kind.records):
            level, severity, text = message_of(random, traces, 0, index)
            context = sdk.context_of(random, trace_at(traces, index))
            record = LogRecord(
                time_unix_nano=TIME | index,
                observed_time_unix_nano=_OBSERVED | index,
                severity_text=level,
                body=AnyValue(string_value=text),
                attributes=_pairs(context.attributes),
                flags=sdk.FLAGS,
                trace_id=context.trace_id,
                span_id=context.span_id,
            )
            # The field is an enum of the generated class; its numbers are ours.
            record.severity_number = severity  # type: ignore[assignment]
            records.append(record)
        resource = Resource(attributes=_pairs({"service.name": node, **sdk.RESOURCE}))
        scoped = ScopeLogs(scope=InstrumentationScope(name=sdk.SCOPE), log_records=records)
        request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scoped])])
        self.records = kind.records
        self._stamps = Stamps(request.SerializeToString(), kind, observed=_OBSERVED)

    def stamp(self, number: int, time_ns: int) -> tuple[bytes, bytes]:
        """No id, and its bytes as request number `number` of its node with this record time."""
        self._stamps.put(number, time_ns)
        return b"", self._stamps.raw.tobytes()


def _pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for key, value in attributes.items()
    ]
