"""A steady load through all three ways in, to break things under. It must not judge: that is the verdict's part."""

import threading
from collections.abc import Callable

from harness.ledger import Ledger
from harness.senders import DEADLINE_S, PATIENCE_S, Sender
from harness.waiting import wait_for

BATCH_RECORDS = 40
STREAM_BATCHES = 4
MEAN_PAUSE_S = 0.02
# Records that have every sender, batch and flush in the middle of something, on either side of a fault.
SOME = 2_000


class Load:
    """Two Push senders, one PushStream sender and one SendLog sender, running between start() and finish()."""

    def __init__(self, address: str, ledger: Ledger, seed: int) -> None:
        self.ledger = ledger
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []
        pushers = [Sender(address, ledger, f"push-{i}", seed) for i in (1, 2)]
        streamer, caller = Sender(address, ledger, "stream", seed), Sender(address, ledger, "sendlog", seed)
        self._senders = [*pushers, streamer, caller]
        steps = [self._pushing(sender) for sender in pushers] + [self._streaming(streamer), caller.send_log]
        self._threads = [
            threading.Thread(target=self._run, args=(sender, step), name=sender.name)
            for sender, step in zip(self._senders, steps, strict=True)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Begins no more calls and waits until every batch begun is answered. Raises the first error of a sender."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + DEADLINE_S)
        hung = [thread.name for thread in self._threads if thread.is_alive()]
        assert not hung, f"senders that never ended: {hung}"
        for sender in self._senders:
            sender.close()
        if self._errors:
            raise self._errors.pop(0)

    def wait_accepted(self, what: str, more: int = SOME) -> None:
        """Waits until this many more records were accepted than now."""
        before = self.ledger.accepted_count()
        wait_for(
            f"{more} more accepted records {what}",
            lambda: self.ledger.accepted_count() - before,
            lambda seen: seen >= more,
        )

    def _pushing(self, sender: Sender) -> Callable[[], None]:
        return lambda: sender.push(sender.batch(BATCH_RECORDS))

    def _streaming(self, sender: Sender) -> Callable[[], None]:
        return lambda: sender.push_stream([sender.batch(BATCH_RECORDS) for _ in range(STREAM_BATCHES)])

    def _run(self, sender: Sender, step: Callable[[], None]) -> None:
        try:
            while not self._stopping.is_set():
                step()
                sender.pause(MEAN_PAUSE_S)
        except BaseException as error:  # noqa: BLE001  (raised in the test's thread)
            self._errors.append(error)
