"""A client that vanishes: its connection is not closed, and nothing of it is heard any more."""

import ctypes
import socket
import struct

# From linux/socket.h and linux/filter.h.
_SO_ATTACH_FILTER = 26
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


def vanish(connection: socket.socket) -> None:
    """From now on the kernel takes no packet for this connection and acknowledges none, as with its cable pulled.

    A filter of one instruction, which drops everything, is asked before TCP is.
    """
    program = ctypes.create_string_buffer(_RETURN_NOTHING, len(_RETURN_NOTHING))
    connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
