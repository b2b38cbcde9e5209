"""The link as it is felt: over TUN where this machine allows one, and by the TCP relay everywhere."""

import os
import socket
import threading
import time

import pytest

from fastcine.load.emulator import emulated
from fastcine.load.link import parse_link

ANSWER = os.urandom(400_000)


@pytest.fixture
def answering():
    """A server on loopback that answers any byte with 400 kB; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                if connection.recv(1):
                    connection.sendall(ANSWER)

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.close()


def fetched(link):
    """Seconds to the first byte and to the last."""
    begun = time.monotonic()
    with socket.create_connection((link.host, link.port), timeout=20) as connection:
        connection.sendall(b"?")
        received = connection.recv(1)
        first = time.monotonic() - begun
        while part := connection.recv(65536):
            received += part
    assert received == ANSWER
    return first, time.monotonic() - begun


@pytest.mark.parametrize("tun", [True, False])
def test_round_trip_and_rate_are_those_of_the_link(answering, tun):
    with emulated(parse_link("8M,60ms"), answering, tun=tun) as link:
        if tun and link.how != "tun":
            pytest.skip("no TUN device may be made here")
        first, last = fetched(link)
    # Connecting and asking are a round trip each; nothing is faster than the link, a busy machine may be slower.
    assert first >= 0.118
    assert last - first >= 0.85 * len(ANSWER) / 1e6
    assert last < 10 * len(ANSWER) / 1e6
    assert link.totals["down"]["passed_bytes"] > len(ANSWER)


def test_no_link_is_loopback(answering):
    with emulated(None, answering) as link:
        assert (link.host, link.port, link.how) == ("127.0.0.1", answering, "loopback")
        assert fetched(link)[1] < 5


def test_the_relay_says_that_it_does_not_lose(answering):
    with emulated(parse_link("50M,2ms,1%"), answering, tun=False) as link:
        assert link.unsupported == ("loss",)
        fetched(link)
