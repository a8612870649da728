"""Takes the requests of OpenTelemetry's senders, whichever way they arrive: makes batches of them and hands these to the
publisher. It must know neither gRPC nor HTTP.
"""

import asyncio
import sys
import time
import zlib
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
# How long a thread goes on while another one waits for the interpreter. By default it is 5 ms, at every turn of the loop.
_SWITCH_S: Final = 0.0005
# JSON needs so much more memory than protobuf while it is taken apart that only a quarter of the size is allowed.
_JSON_DIVISOR: Final = 4
# zlib's window with the header of gzip. A member ends with the size that it unpacks to.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_GZIP_SIZE_BYTES: Final = 4

# OpenTelemetry's SDKs give up after six tries as well as after 10 s, and wait exactly as long as they are told. With less
# than this they would give up a gateway that restarts; with more, some give up at once.
_LEAST_RETRY_MS: Final = 2_000
_MOST_RETRY_MS: Final = 3_000


def otlp_retry_ms(retry_after_ms: int) -> int:
    """What OpenTelemetry's senders are told to wait, given what others are told."""
    return min(max(retry_after_ms, _LEAST_RETRY_MS), _MOST_RETRY_MS)


@dataclass(frozen=True, slots=True)
class PublishedExport:
    """A request whose batches were handed to the publisher."""

    records: int
    confirms: list[asyncio.Future[None]]


class Otlp:
    """Used from one loop. max_bytes: of a request, unpacked. new_frame: makes functions that frame a batch. Each is used on
    one thread alone."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        new_frame: Callable[[], Callable[[bytes], bytes]],
        limits: Limits,
        options: OtlpOptions,
        max_bytes: int,
    ) -> None:
        self.max_bytes = max_bytes
        self._publisher = publisher
        self._frame = new_frame()
        self._frame_on_thread = new_frame()
        self._limits = limits
        self._options = options
        self._thread = ThreadPoolExecutor(1, "otlp")
        sys.setswitchinterval(_SWITCH_S)

    async def publish(self, body: bytes, *, is_json: bool = False, is_gzip: bool = False) -> PublishedExport:
        """Hands over all batches of a request. A request without records is none. Raises Rejected, and Unavailable: then
        some batches may have been handed over, and the same request again stores them once."""
        self.check_size(len(body), is_json=is_json)
        received_unix_nano = time.time_ns()
        if max(len(body), _claimed_bytes(body) if is_gzip else 0) > _INLINE_BYTES:
            messages = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._messages, body, is_json, is_gzip, self._frame_on_thread
            )
        else:
            messages = self._messages(body, is_json, is_gzip, self._frame)
        published = PublishedExport(sum(records for _, records in messages), [])
        for message, records in messages:
            if published.confirms:
                # Each has a megabyte or more to send, which takes milliseconds.
                await asyncio.sleep(0)
            confirmed = self._publisher.publish(message, records, received_unix_nano)
            # Nobody may be left to hear of it when an earlier one has failed.
            confirmed.add_done_callback(_seen)
            published.confirms.append(confirmed)
        return published

    def limit_bytes(self, *, is_json: bool) -> int:
        return self.max_bytes // _JSON_DIVISOR if is_json else self.max_bytes

    def check_size(self, size_bytes: int, *, is_json: bool = False) -> None:
        """Raises Rejected."""
        if size_bytes > self.limit_bytes(is_json=is_json):
            raise self._too_large(f"{size_bytes} bytes", is_json)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _too_large(self, size: str, is_json: bool) -> Rejected:
        limit = f"LOGSTREAM_GATEWAY_OTLP_MAX_BYTES={self.max_bytes}"
        if is_json:
            limit = f"{self.limit_bytes(is_json=True)} as JSON, a quarter of {limit}"
        return Rejected(RejectionReason.REQUEST_BYTES, f"request: {size}, expected at most {limit}")

    def _messages(
        self, body: bytes, is_json: bool, is_gzip: bool, frame: Callable[[bytes], bytes]
    ) -> list[tuple[bytes, int]]:
        """The messages of a request, as (body, records). Raises Rejected."""
        if is_gzip:
            body = self._unpacked(body, is_json)
        if is_json:
            body = request_of_json(body)
        return list(self._gathered(body, frame))

    def _gathered(self, request: bytes, frame: Callable[[bytes], bytes]) -> Iterator[tuple[bytes, int]]:
        frames: list[bytes] = []
        size = records = 0
        for batch in batches_of(request, self._limits, self._options, new_batch_id):
            framed = frame(batch.raw)
            if frames and size + len(framed) > _MESSAGE_BYTES:
                yield b"".join(frames), records
                frames, size, records = [], 0, 0
            frames.append(framed)
            size += len(framed)
            records += batch.records
        if frames:
            yield b"".join(frames), records

    def _unpacked(self, body: bytes, is_json: bool) -> bytes:
        """One member of gzip, as all senders write it. No more is unpacked than is allowed and than it claims to be.
        Raises Rejected. Source: RFC 1952."""
        limit_bytes = self.limit_bytes(is_json=is_json)
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            unpacked = unpacker.decompress(body, min(limit_bytes, _claimed_bytes(body)) + 1)
        except zlib.error as error:
            raise Rejected(RejectionReason.UNDECODABLE, f"request: not gzip: {error}") from error
        if len(unpacked) > limit_bytes:
            raise self._too_large("larger when it is unpacked", is_json)
        if not unpacker.eof or unpacker.unused_data:
            raise Rejected(RejectionReason.UNDECODABLE, "request: gzip that is cut off or goes on after its end")
        return unpacked


def _claimed_bytes(body: bytes) -> int:
    """What gzip says of itself that it unpacks to."""
    return int.from_bytes(body[-_GZIP_SIZE_BYTES:], "little")


def _seen(confirmed: asyncio.Future[None]) -> None:
    if not confirmed.cancelled():
        confirmed.exception()
