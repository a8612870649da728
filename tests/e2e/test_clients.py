"""The clients' own contract tests, which their fake gateway passes, against the real one."""

import os
import subprocess
import sys
from pathlib import Path

from harness.stack import Stack

CLIENTS = Path(__file__).parents[2] / "clients"
CONTRACT_S = 240
INSTALL_S = 300


def run(stack: Stack, command: list[str], folder: Path) -> str:
    """What a command printed that was told of the stack's gateway and succeeded."""
    told = os.environ | {"LOGSTREAM_TEST_GATEWAY": stack.gateway}
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=CONTRACT_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_python_client(stack: Stack) -> None:
    contract = "client_tests/test_contract.py"
    printed = run(stack, [sys.executable, "-m", "pytest", "-q", contract], CLIENTS / "python" / "tests")
    assert " passed" in printed
    assert "skipped" not in printed


def test_node_client(stack: Stack) -> None:
    folder = CLIENTS / "node"
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, timeout=INSTALL_S, check=True)
    printed = run(stack, ["node", "--test", "--test-reporter=tap", "test/contract.test.js"], folder)
    assert "# fail 0" in printed
    assert "# skipped 0" in printed
