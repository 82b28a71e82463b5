"""The socket that the lab listens on."""

import socket

from forgery.lab.server import _listen


def test_small_answers_are_sent_at_once():
    # asyncio disables Nagle's algorithm for sockets that name their protocol only.
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
