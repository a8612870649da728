"""Which stack a test session uses: its own, or a running one that a developer names. It must leave the latter running."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from harness.compose_stack import ComposeProvider
from harness.local_stack import LocalProvider
from harness.stack import Provider, Stack

NAME_VARIABLE = "LOGSTREAM_TEST_STACK"


@contextmanager
def open_stack() -> Iterator[Stack]:
    """The stack that LOGSTREAM_TEST_STACK names, or a new one, taken down at the end. STACK=compose: in Docker."""
    name = os.environ.get(NAME_VARIABLE)
    provider: Provider
    if os.environ.get("STACK") == "compose":
        provider = ComposeProvider(name or "logstream-test")
    else:
        provider = LocalProvider(name or "test")
    if name:
        yield Stack(provider, provider.attach())
        return
    try:
        yield Stack(provider, provider.up())
    finally:
        provider.down()
