"""The scenario `page`: first paint, size, 10,000 records a second for a minute, and scrolling through 100,000. Targets are
printed beside what was measured; only records that were lost make a run void."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psutil
from harness.metrics import total
from playwright.sync_api import Browser

from bench.batches import Kind
from bench.page import bundle
from bench.page.browser import Held, WatchedPage, chromium, frame_times, opened, outside
from bench.producer import Phase
from bench.run import Bench, Load, Void, percentile

RATE: Final = 10_000
SECONDS: Final = 60.0
RECORDS_HELD: Final = 100_000
_PROFILES: Final = 7
_BEFORE: Final = Load([Phase(20_000, 6)], viewer=False)
_LOOK_EVERY_S: Final = 10.0
_SCROLL_S: Final = 10.0
_FILL_S: Final = 180.0
# All of the list in the time, so that every frame shows other records; and as fast as somebody skims.
_ROW_PX: Final = 24
_SKIM_PX_PER_S: Final = 6_000
_CAUGHT_UP_S: Final = 30.0
_BEGUN_MS: Final = 2_000.0
_SLOW_FRAME_MS: Final = 50.0
_STREAM: Final = "stream"
_DELIVERED: Final = "logstream_stream_delivered_records_total"
# The list fills up in the first seconds; after that, memory is to stay as it is.
_FILLING_S: Final = 15.0
_MOST_GROWTH_MIB_PER_MINUTE: Final = 15.0

Figures = dict[str, Any]


@dataclass(frozen=True)
class Target:
    key: str
    what: str
    unit: str
    most: float | None = None


_PAINT: Final = (
    Target("median_ms", "first paint with records, median", "ms", 1_000),
    Target("max_ms", "first paint with records, longest", "ms"),
)
_BUNDLE: Final = (Target("bytes", "downloaded by a first visit, gzipped", "bytes", 150_000),)
_STORM: Final = (
    Target("tasks", "tasks over 50 ms", ""),
    Target("task_p50_ms", "their duration, p50", "ms"),
    Target("task_p99_ms", "their duration, p99", "ms", 100),
    Target("task_max_ms", "their duration, longest", "ms"),
    Target("timer_late_max_ms", "a timer of 100 ms late, at most", "ms"),
    Target("lag_p50_ms", "age of the newest record shown, p50", "ms"),
    Target("lag_p99_ms", "age of the newest record shown, p99", "ms"),
    Target("heap_max_mib", "JS heap after collection, at most", "MiB", 300),
    Target("heap_growth_mib_per_minute", "its growth a minute, once full", "MiB", _MOST_GROWTH_MIB_PER_MINUTE),
    Target("rss_max_mib", "memory of the page's process, at most", "MiB"),
    Target("rss_growth_mib_per_minute", "its growth a minute, once full", "MiB"),
    Target("sent", "records sent", ""),
    Target("delivered", "records handed to the page", ""),
    Target("page_cores", "cores the page used", ""),
    Target("machine_busy", "share of all cores that was busy", ""),
)
_SCROLL: Final = (
    Target("heap_mib", "JS heap with all of them, after collection", "MiB", 300),
    Target("frame_p50_ms", "a frame, p50", "ms"),
    Target("frame_p99_ms", "a frame, p99", "ms", _SLOW_FRAME_MS),
    Target("frame_max_ms", "a frame, longest", "ms"),
    Target("slow_share", "share of frames over 50 ms", ""),
    Target("blank_share", "share of frames without a row in the middle", ""),
)
_TARGETS: Final = {"paint": _PAINT, "bundle": _BUNDLE, "storm": _STORM, "scroll": _SCROLL}


def run(bench: Bench, rate: float | None, seconds: float | None, max_rate: int) -> Iterator[Figures]:
    """Yields the figures of each part. Raises Void when not all that was sent came to the page."""
    rate, seconds = rate or RATE, seconds or SECONDS
    with bench.stack.environment(_STREAM, {"LOGSTREAM_STREAM_MAX_RATE": str(max_rate)}), chromium() as browser:
        bench.run("page, what is there before", _BEFORE)
        yield _paint(bench, browser)
        yield _bundle(bench.stack.page_url)
        with opened(browser, bench.stack.page_url) as page:
            page.painted_ms()
            page.wait_live()
            storm = _storm(bench, page, rate, seconds)
            yield storm
            yield from _scroll(bench, page)
    if not max_rate and storm["delivered"] < storm["sent"]:
        raise Void(f"{storm['name']}: {storm['delivered']:,} of {storm['sent']:,} records were handed to the page")


def table(parts: Sequence[Figures]) -> list[list[str]]:
    """Rows of text, the first of them the head."""
    rows = [["run", "measured", "value", "", "target", "met"]]
    for part in parts:
        for target in _TARGETS[part["part"]]:
            value = part[target.key]
            wanted = "" if target.most is None else f"< {target.most:,.0f}"
            met = "" if target.most is None or value is None else "yes" if value < target.most else "NO"
            rows.append([part["name"], target.what, _text(value), target.unit, wanted, met])
    return rows


def _paint(bench: Bench, browser: Browser) -> Figures:
    """In fresh profiles one after the other, with a browser that runs and a stack that is warm."""
    found = []
    with _machine() as machine:
        for number in range(_PROFILES + 1):
            bench.progress(f"page, first paint: profile {number} of {_PROFILES}")
            with opened(browser, bench.stack.page_url) as page:
                found.append(round(page.painted_ms(), 1))
    # The browser's own first page is not the stack's matter.
    measured = found[1:]
    return {
        "part": "paint",
        "name": "page, first paint",
        "median_ms": round(statistics.median(measured), 1),
        "max_ms": max(measured),
        "each_ms": measured,
        **machine(),
    }


def _bundle(page_url: str) -> Figures:
    files = bundle.sizes(page_url)
    return {"part": "bundle", "name": "page, size", "bytes": sum(files.values()), "files": files}


def _storm(bench: Bench, page: WatchedPage, rate: float, seconds: float) -> Figures:
    name = f"page, {rate / 1e3:g}k/s for {seconds:g} s"
    load = Load([Phase(rate, seconds)], Kind(max(1, round(rate / 100))), viewer=False)
    delivered_before = total(bench.stack.metrics(_STREAM), _DELIVERED)
    held: list[Held] = []
    took: dict[str, float] = {}

    def watch(begin_at: float) -> None:
        cpu_s, took["from"] = page.cpu_s(), page.now_ms()
        while (left := begin_at + seconds - time.time()) > 0:
            time.sleep(min(left, _LOOK_EVERY_S))
            held.append(page.held())
        took["until"] = page.now_ms()
        took["cores"] = (page.cpu_s() - cpu_s) / (took["until"] - took["from"]) * 1e3

    with _machine() as machine:
        outcome = bench.run(name, load, during=watch)
        busy = machine()
    sent = sum(len(account.due_ns) * account.records for account in outcome.accounts)

    def delivered() -> int:
        return round(total(bench.stack.metrics(_STREAM), _DELIVERED) - delivered_before)

    _wait(lambda: delivered() >= sent, _CAUGHT_UP_S)
    time.sleep(1)

    def seen(what: str, from_ms: float = 0.0) -> list[float]:
        return outside(page.read(what), held, took["from"] + from_ms, took["until"])

    # Until the first of them is there, the newest shown is one of before.
    tasks, lags = seen("tasks"), seen("lags", _BEGUN_MS)
    full = [one for one in held if one.at_s > outcome.began_s + _FILLING_S]
    return {
        "part": "storm",
        "name": name,
        "rate": rate,
        "seconds": seconds,
        "tasks": len(tasks),
        "task_p50_ms": percentile(tasks, 50),
        "task_p99_ms": percentile(tasks, 99),
        "task_max_ms": max(tasks, default=None),
        "timer_late_max_ms": round(max(seen("lateness"), default=0.0), 1),
        "lag_p50_ms": percentile(lags, 50),
        "lag_p99_ms": percentile(lags, 99),
        "heap_max_mib": max(one.heap_mib for one in held),
        "heap_growth_mib_per_minute": _growth(full, [one.heap_mib for one in full]),
        "heap_mib": [one.heap_mib for one in held],
        "rss_max_mib": max(one.rss_mib for one in held),
        "rss_growth_mib_per_minute": _growth(full, [one.rss_mib for one in full]),
        "rss_mib": [one.rss_mib for one in held],
        "sent": sent,
        "delivered": delivered(),
        "notices_shown": page.notices(),
        "newest_shown": page.newest(),
        "page_cores": round(took["cores"], 2),
        **busy,
    }


def _scroll(bench: Bench, page: WatchedPage) -> Iterator[Figures]:
    """Down to the oldest of 100,000 records first, then up: by all of them in the time, and as somebody skims."""
    bench.progress(f"page, scrolling back to {RECORDS_HELD:,} records")
    held = page.scroll_back(RECORDS_HELD, _FILL_S)
    memory = page.held()
    for manner, px_per_s in (("all of them", held * _ROW_PX / _SCROLL_S), ("skimming", _SKIM_PX_PER_S)):
        name = f"page, scrolling {held:,} records, {manner}"
        bench.progress(name)
        with _machine() as machine:
            from_px, from_ms = page.scrolled_px(), page.now_ms()
            # All of them upwards, then the other way.
            seen = page.wheel(_SCROLL_S, -px_per_s if manner == "all of them" else px_per_s)
            until_ms = page.now_ms()
        frames = frame_times(seen)
        tasks = outside(page.read("tasks"), [], from_ms, until_ms)
        yield {
            "part": "scroll",
            "name": name,
            "held": held,
            "heap_mib": memory.heap_mib,
            "rss_mib": memory.rss_mib,
            "px_per_s": round(px_per_s),
            "scrolled_px": round(abs(page.scrolled_px() - from_px)),
            "frames": len(frames),
            "frame_p50_ms": percentile(frames, 50),
            "frame_p99_ms": percentile(frames, 99),
            "frame_max_ms": round(max(frames), 2),
            "slow_share": round(sum(frame > _SLOW_FRAME_MS for frame in frames) / len(frames), 4),
            "blank_share": round(sum(not filled for _, filled in seen) / len(seen), 4),
            "tasks": len(tasks),
            "task_max_ms": max(tasks, default=None),
            **machine(),
        }


@contextmanager
def _machine() -> Iterator[Callable[[], Figures]]:
    """How busy all cores were from here until the answer is called: what else ran on them is in every figure."""
    psutil.cpu_percent()
    yield lambda: {
        "machine_busy": round(psutil.cpu_percent() / 100, 2),
        "load_average": round(os.getloadavg()[0], 2),
        "cores": psutil.cpu_count(),
    }


def _growth(held: Sequence[Held], values: Sequence[float]) -> float | None:
    """MiB a minute of the straight line through the values."""
    if len(values) < 2:
        return None
    return round(float(np.polyfit([one.at_s - held[0].at_s for one in held], values, 1)[0]) * 60, 2)


def _wait(probe: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not probe() and time.monotonic() < until:
        time.sleep(0.2)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
