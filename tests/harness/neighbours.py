"""Well-behaved neighbours of a careless client: a sender, a viewer and a reader who go on beside it and must notice nothing.
They judge only what they were promised: SQL tells what was stored."""

import threading
from collections import Counter
from collections.abc import Callable, Collection
from types import TracebackType

import requests

from harness.ledger import Ledger
from harness.senders import DEADLINE_S, PATIENCE_S, Sender
from harness.services import SERVICES
from harness.sse import Viewer
from harness.stack import Stack
from harness.verdict import demand_shown_once, settle
from harness.waiting import wait_for

BATCH_RECORDS = 20
MEAN_PAUSE_S = 0.05
READ_PAUSE_S = 0.5
# Far longer than a page takes, far shorter than what a reader would call an outage.
READ_TIMEOUT_S = 30
ENOUGH = 500

# As the fixture `neighbours` gives it to a test.
MakeNeighbours = Callable[..., "Neighbours"]


class Neighbours:
    """Usable as a context manager, within which the careless client does its worst.

    When it is left without an error it demands: every service is the process it was (but for those of `may_restart`); what
    was acknowledged is stored once; the viewer was shown all of it once; every page was answered with 200.
    """

    def __init__(self, stack: Stack, ledger: Ledger, seed: int, may_restart: Collection[str] = ()) -> None:
        self.ledger = ledger
        # What the reader got, by status; 0 where there was no answer.
        self.answers: Counter[int] = Counter()
        self._stack = stack
        self._seed = seed
        self._watched = [service.name for service in SERVICES if service.name not in may_restart]
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []
        self._wrong_answers: list[str] = []

    def __enter__(self) -> "Neighbours":
        self._pids = {name: self._stack.pid(name) for name in self._watched}
        self._sender = Sender(self._stack.gateway, self.ledger, "neighbour", self._seed)
        self._viewer = Viewer(f"{self._stack.page_url}/stream?node={self._sender.node}&recent=0")
        self._viewer.wait("the head of the stream", lambda seen: bool(seen.events))
        self._threads = [
            threading.Thread(target=self._run, args=(step,), name=step.__name__) for step in (self._send, self._read)
        ]
        for thread in self._threads:
            thread.start()
        self.wait_for_more("before the careless client")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.wait_for_more("beside the careless client")
            self._finish()
            if kind is None:
                self._demand()
        finally:
            self._stopping.set()
            self._viewer.close()
            self._sender.close()

    def wait_for_more(self, when: str, records: int = ENOUGH) -> None:
        """Waits until the neighbour had this many more records acknowledged, and its reader one more page."""
        before, pages = self.ledger.accepted_count(), self.answers[200]
        wait_for(
            f"{records} more acknowledged records {when}",
            lambda: self.ledger.accepted_count() - before,
            lambda seen: seen >= records,
        )
        wait_for(f"a page {when}", lambda: self.answers[200] - pages, lambda seen: seen > 0)

    def _finish(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + DEADLINE_S)
        hung = [thread.name for thread in self._threads if thread.is_alive()]
        assert not hung, f"neighbours that never ended: {hung}"
        if self._errors:
            raise self._errors.pop(0)

    def _demand(self) -> None:
        settle(self._stack.database_url, self.ledger, self._stack.unsettled).demand()
        self._viewer.wait_shown(self.ledger.accepted, self._sender.node)
        demand_shown_once(self._viewer.records(self._sender.node), self.ledger)
        print(f"the reader was answered: {dict(self.answers)}; calls tried again: {self.ledger.retries}")
        assert not self._wrong_answers, f"{len(self._wrong_answers)} pages failed, such as {self._wrong_answers[:3]}"
        ended = {name: pid for name, pid in self._pids.items() if self._stack.pid(name) != pid}
        assert not ended, f"ended and started again beside the careless client: {sorted(ended)}"

    def _send(self) -> None:
        self._sender.push(self._sender.batch(BATCH_RECORDS))
        self._sender.pause(MEAN_PAUSE_S)

    def _read(self) -> None:
        url = f"{self._stack.page_url}/api/logs?node={self._sender.node}&limit=50"
        try:
            answer = requests.get(url, timeout=READ_TIMEOUT_S)
            status, text = answer.status_code, answer.text[:300]
        except requests.RequestException as error:
            status, text = 0, repr(error)
        self.answers[status] += 1
        if status != 200:
            self._wrong_answers.append(f"{status} {text}")
        self._stopping.wait(READ_PAUSE_S)

    def _run(self, step: Callable[[], None]) -> None:
        try:
            while not self._stopping.is_set():
                step()
        except BaseException as error:  # noqa: BLE001  (raised in the test's thread)
            self._errors.append(error)
