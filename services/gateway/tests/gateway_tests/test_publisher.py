"""What the publisher leans on inside pika."""

import pika
from logstream_gateway.publisher import Connection


class Recording(Connection):
    """A connection without a socket: keeps what it would send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.bytes_sent = self.frames_sent = 0
        self._body_max_length = 10

    def _adapter_emit_data(self, data: bytes) -> None:
        self.sent.append(data)


def test_a_message_is_sent_in_one_piece() -> None:
    connection = Recording()
    method = pika.spec.Basic.Publish(exchange="", routing_key="queue")
    properties = pika.BasicProperties(message_id="1")
    connection._send_message(1, method, (properties, b"x" * 25))
    frames = [
        pika.frame.Method(1, method).marshal(),
        pika.frame.Header(1, 25, properties).marshal(),
        *(pika.frame.Body(1, b"x" * size).marshal() for size in (10, 10, 5)),
    ]
    assert connection.sent == [b"".join(frames)]
