"""A service that logs, so that the page has something to show. It must not import the product."""

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from harness import wire
from harness.senders import channel, new_batch_id

DEADLINE_S = 30


class Service:
    """A service of its own name that logs through Push. Its word is in all its messages and in no other's."""

    def __init__(self, gateway: str) -> None:
        self.word = f"w{uuid.uuid4().hex[:12]}"
        self.node = f"page-{self.word}"
        self._channel = channel(gateway)
        self._push = self._channel.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)

    def log(
        self, *messages: str, level: str = "info", node: str | None = None, attributes: Mapping[str, str] | None = None
    ) -> None:
        """One accepted batch; each message gets the word in front."""
        self.log_records([(level, message, attributes or {}) for message in messages], node)

    def log_records(self, records: Sequence[tuple[str, str, Mapping[str, str]]], node: str | None = None) -> None:
        """One accepted batch of (level, message, attributes), a millisecond apart and the last one now."""
        classes = wire.compiled()
        first_ns = time.time_ns() - (len(records) - 1) * 1_000_000
        batch = classes.LogBatch(
            batch_id=new_batch_id(),
            node=node or self.node,
            records=[
                classes.LogRecord(
                    time_unix_nano=first_ns + index * 1_000_000,
                    level=level,
                    message=f"{self.word} {message}",
                    attributes=attributes,
                )
                for index, (level, message, attributes) in enumerate(records)
            ],
        )
        result: Any = self._push(batch.SerializeToString(), timeout=DEADLINE_S)
        assert result.accepted == len(records)

    def log_at(
        self,
        message: str,
        time: datetime,
        *,
        level: str = "info",
        node: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """One accepted record of this time, to the microsecond."""
        classes = wire.compiled()
        micros = round(time.timestamp() * 1_000_000)
        record = classes.LogRecord(
            time_unix_nano=micros * 1_000, level=level, message=f"{self.word} {message}", attributes=attributes or {}
        )
        batch = classes.LogBatch(batch_id=new_batch_id(), node=node or self.node, records=[record])
        result: Any = self._push(batch.SerializeToString(), timeout=DEADLINE_S)
        assert result.accepted == 1

    def close(self) -> None:
        self._channel.close()
