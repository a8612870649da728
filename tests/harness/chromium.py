"""Debian's Chromium, as the tests and measurements of the page run it. It must not know Playwright: where that runs, its
thread can run no other event loop."""

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
# Loopback only: no sandbox as root, nothing fetched or reported in the background.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
