"""The client at a process's two odd moments: a fork, and the end."""

import os
import subprocess
import sys
import textwrap

import pytest
from logstream_client import Client, Settings

from .fake_gateway import FakeGateway


def run(script: str, gateway: FakeGateway) -> subprocess.CompletedProcess[str]:
    """Runs a script in a Python of its own; its argument is the gateway's target."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), gateway.target],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def messages(gateway: FakeGateway) -> list[str]:
    return [record.message for record in gateway.records]


def test_end_of_the_process_delivers_what_a_client_holds(gateway: FakeGateway) -> None:
    done = run(
        """
        import sys
        from logstream_client import Client, Settings
        client = Client(sys.argv[1], "orders", Settings(flush_age_s=3600))
        client.log("last words")
        """,
        gateway,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert messages(gateway) == ["last words"]


def test_end_of_the_process_delivers_what_a_handler_holds_even_from_late_functions(gateway: FakeGateway) -> None:
    done = run(
        """
        import atexit, logging, sys
        atexit.register(lambda: logging.warning("from an atexit function"))
        from logstream_client import LogstreamHandler
        logging.getLogger().addHandler(LogstreamHandler(sys.argv[1], "orders", flush_age_s=3600))
        logging.warning("last words")
        """,
        gateway,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert messages(gateway) == ["last words", "from an atexit function"]


def test_end_of_the_process_does_not_wait_for_an_absent_gateway_for_ever(absent_gateway: FakeGateway) -> None:
    done = run(
        """
        import logging, sys
        from logstream_client import LogstreamHandler
        logging.basicConfig(handlers=[LogstreamHandler(sys.argv[1], "orders", close_timeout_s=0.5)])
        logging.warning("lost")
        """,
        absent_gateway,
    )
    assert done.returncode == 0
    assert "logstream_client: 1 records dropped (undelivered)" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_process_sends_its_own_records_and_only_those(gateway: FakeGateway) -> None:
    done = run(
        """
        import os, sys
        from logstream_client import Client, Settings
        client = Client(sys.argv[1], "orders", Settings(flush_age_s=3600))
        client.log("before, sent")
        assert client.flush(30)
        client.log("before, buffered")
        child = os.fork()
        client.log("child" if child == 0 else "parent")
        assert client.close(30)
        if child == 0:
            os._exit(0)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        gateway,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(messages(gateway)) == ["before, buffered", "before, sent", "child", "parent"]


def test_nothing_is_opened_before_the_first_record(absent_gateway: FakeGateway) -> None:
    client = Client(absent_gateway.target, "orders", Settings(on_event=lambda _: None))
    assert not client.is_sending_thread()
    assert client._sender is None
    assert client.close(0)
