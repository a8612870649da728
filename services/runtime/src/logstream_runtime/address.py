"""A host and port to listen on, as settings write it."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator


@dataclass(frozen=True)
class Address:
    host: str
    port: int  # 0: any free one

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: Any) -> Address:
    """Reads `host:port` or `[v6]:port`. Raises ValueError."""
    if isinstance(text, Address):
        return text
    host, colon, port = str(text).rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError("expected host:port, such as 0.0.0.0:8080")
    return Address(host.strip("[]"), int(port))


ListenAddress = Annotated[Address, BeforeValidator(read_address)]
