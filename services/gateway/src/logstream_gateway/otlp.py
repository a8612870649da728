"""Takes the requests of OpenTelemetry's senders, whichever way they arrive: makes batches of them and hands these to the
publisher. It must know neither gRPC nor HTTP.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from logstream_contract.otlp.json_requests import request_of_json
from logstream_contract.otlp.requests import OtlpOptions, batches_of
from logstream_contract.wire.batch_id import new_batch_id
from logstream_contract.wire.batches import Limits, Rejected, RejectionReason

from logstream_gateway.publisher import Publisher

# Batches of one request share messages of about this size. A message with several batches is at most as large as two.
_MESSAGE_BYTES: Final = 1024 * 1024
# A request that is larger than this is taken apart on a thread, so that other calls do not wait for it. One at a time: while
# it is taken apart a request needs several times its size.
_INLINE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class PublishedExport:
    """A request whose batches were handed to the publisher."""

    records: int
    confirms: list[asyncio.Future[None]]


class Otlp:
    """Used from one loop. max_bytes: of a request, unpacked."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        frame: Callable[[bytes], bytes],
        limits: Limits,
        options: OtlpOptions,
        max_bytes: int,
    ) -> None:
        self.max_bytes = max_bytes
        self._publisher = publisher
        self._frame = frame
        self._limits = limits
        self._options = options
        self._thread = ThreadPoolExecutor(1, "otlp")

    async def publish(self, request: bytes, *, is_json: bool = False) -> PublishedExport:
        """Hands over all batches of a request. A request without records is none. Raises Rejected, and Unavailable: then
        some batches may have been handed over, and the same request again stores them once."""
        self.check_size(len(request))
        received_unix_nano = time.time_ns()
        read = self._read_json if is_json else self._read
        if len(request) > _INLINE_BYTES:
            messages = await asyncio.get_running_loop().run_in_executor(self._thread, lambda: list(read(request)))
        else:
            messages = list(read(request))
        published = PublishedExport(sum(records for _, records in messages), [])
        for body, records in messages:
            confirmed = self._publisher.publish(body, records, received_unix_nano)
            # Nobody may be left to hear of it when an earlier one has failed.
            confirmed.add_done_callback(_seen)
            published.confirms.append(confirmed)
        return published

    def check_size(self, size_bytes: int) -> None:
        """Raises Rejected."""
        if size_bytes > self.max_bytes:
            raise Rejected(
                RejectionReason.REQUEST_BYTES,
                f"request: {size_bytes} bytes, expected at most LOGSTREAM_GATEWAY_OTLP_MAX_BYTES={self.max_bytes}",
            )

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read_json(self, text: bytes) -> Iterator[tuple[bytes, int]]:
        return self._read(request_of_json(text))

    def _read(self, request: bytes) -> Iterator[tuple[bytes, int]]:
        """The messages of a request, as (body, records)."""
        frames: list[bytes] = []
        size = records = 0
        for batch in batches_of(request, self._limits, self._options, new_batch_id):
            frame = self._frame(batch.raw)
            if frames and size + len(frame) > _MESSAGE_BYTES:
                yield b"".join(frames), records
                frames, size, records = [], 0, 0
            frames.append(frame)
            size += len(frame)
            records += batch.records
        if frames:
            yield b"".join(frames), records


def _seen(confirmed: asyncio.Future[None]) -> None:
    if not confirmed.cancelled():
        confirmed.exception()
