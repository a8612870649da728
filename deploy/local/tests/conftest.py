"""Makes the package importable: it is no installed one, because it runs before anything can be installed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from logstream_local.folders import Folders
from logstream_local.invoker import Invoker, current_invoker
from logstream_local.ports import plan_ports
from logstream_local.program import Stack
from logstream_local.state import Secrets, State


@pytest.fixture
def invoker() -> Invoker:
    return current_invoker()


@pytest.fixture
def stack(tmp_path: Path, invoker: Invoker) -> Stack:
    """A stack that was never started, in a folder of its own."""
    return Stack(
        folders=Folders("proof", tmp_path / "proof"),
        state=State(base_port=25000, gateway_port=25030, page_port=25031),
        ports=plan_ports("proof", 25000),
        secrets=Secrets(postgres="secret-p", logstream="secret-l", rabbitmq="secret-r", erlang_cookie="secret-c"),
        invoker=invoker,
        root=tmp_path / "root",
    )
