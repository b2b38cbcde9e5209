"""Parts that go from the file itself: the same bytes in the same order as through the transport."""

import asyncio
import mmap
import os
import socket

import pytest
import uvloop

from fastcine.server.file_send import send_from_file

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "exact"
    path.write_bytes(CONTENT)
    with open(path, "rb", buffering=0) as file:
        yield file, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


async def pair(loop):
    """A transport whose socket takes little at once, and the plain socket at the other end."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    theirs.setblocking(False)
    return transport, theirs


async def everything(loop, line, count):
    came = bytearray()
    while len(came) < count:
        came += await asyncio.wait_for(loop.sock_recv(line, 1 << 20), 5)
    return bytes(came)


async def spoken(stored):
    """Texts between, a reader that waits and then takes all."""
    file, view = stored
    loop = asyncio.get_running_loop()
    transport, theirs = await pair(loop)
    expected = b""
    for number, (start, end) in enumerate([(0, 100_000), (5, 2_900_005), (70_000, 140_000), (1, 3_000_000)]):
        head, text = b"head%d" % number, b"text%d" % number
        send_from_file(transport, head, file, start, view[start:end])
        transport.write(text)
        expected += head + CONTENT[start:end] + text
        if number == 2:
            assert await everything(loop, theirs, len(expected)) == expected
            expected = b""
    assert await everything(loop, theirs, len(expected)) == expected
    transport.abort()
    theirs.close()


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_bytes_come_in_order_however_little_the_socket_takes(stored, loop_factory):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(spoken(stored))


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_viewer_that_has_gone_is_no_error(stored, loop_factory):
    async def gone():
        transport, theirs = await pair(asyncio.get_running_loop())
        theirs.close()
        send_from_file(transport, b"head", stored[0], 0, stored[1])
        transport.abort()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(gone())


def test_what_has_no_socket_of_its_own_is_written_as_ever(stored):
    class Secret(asyncio.WriteTransport):
        def __init__(self, **extra):
            super().__init__(extra)
            self.came = b""

        def get_write_buffer_size(self):
            return 0

        def write(self, data):
            self.came += data

    ours, theirs = socket.socketpair()
    with ours, theirs:
        for transport in (Secret(), Secret(socket=ours, sslcontext=object())):
            send_from_file(transport, b"head", stored[0], 10, stored[1][10:500_000])
            assert transport.came == b"head" + CONTENT[10:500_000]
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
