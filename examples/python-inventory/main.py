"""An example service: it pretends to keep a stock of goods and logs, in batches, until SIGTERM or SIGINT.

The handler is all that it may know of logstream.
"""

import logging
import os
import random
import signal
import threading

from logstream_client import LogstreamHandler

ITEMS = ("kettle", "lamp", "chair", "desk", "mug", "rug")
LOW_STOCK = 5

logger = logging.getLogger("inventory")


class Stock:
    """The number of each item in stock."""

    def __init__(self) -> None:
        self._left = dict.fromkeys(ITEMS, 20)

    def take(self, item: str, count: int) -> int:
        """Takes `count` of an item and returns how many are left. Raises LookupError when there are too few."""
        left = self._left[item] - count
        if left < 0:
            raise LookupError(f"{count} of {item} wanted, {self._left[item]} left")
        self._left[item] = left
        return left

    def refill(self, item: str) -> None:
        """Puts the number of the item back to 20."""
        self._left[item] = 20


def sell_one(stock: Stock) -> None:
    """Sells an item and logs one to three records, occasionally a warning or an error with its stack."""
    item, count = random.choice(ITEMS), random.randint(1, 4)
    logger.debug("asked for %s", item, extra={"item": item, "count": count})
    try:
        left = stock.take(item, count)
    except LookupError:
        logger.exception("can't sell %d of %s", count, item, extra={"item": item})
        stock.refill(item)
        return
    logger.info("sold %d of %s", count, item, extra={"item": item, "left": left})
    if left < LOW_STOCK:
        logger.warning("only %d of %s left", left, item, extra={"item": item, "left": left})


def main() -> None:
    """Runs until a stop signal, then delivers the buffered records."""
    gateway = os.environ.get("LOGSTREAM_GATEWAY") or "127.0.0.1:4317"
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    print(f"inventory logs to {gateway}", flush=True)
    with LogstreamHandler(gateway, "inventory") as handler:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
        logger.info("inventory started")
        stock = Stock()
        # A few records a second, at irregular intervals.
        while not stopping.wait(random.uniform(0.1, 0.6)):
            sell_one(stock)
        logger.info("inventory stopped")


if __name__ == "__main__":
    main()
