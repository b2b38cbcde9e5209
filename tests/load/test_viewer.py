"""A headless viewer fed byte by byte: what it counts as an error of the server, and what not."""

import orjson
import pytest

from fastcine.cine.wire import HEADER
from fastcine.load.arrivals import Arrivals
from fastcine.load.viewer import _SHARED, Viewer, Watched
from fastcine.server import framing

RUN = "00" * 8
WATCHED = Watched(run=RUN, frames=2, fps=15.0, max_tier=1)


class Line:
    def __init__(self):
        self.written = b""

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False


def piece(frame, offset, payload, total):
    last = offset + len(payload) == total
    return HEADER.pack(1, 0, 1, last, frame, 0, offset, total, 0, len(payload)) + payload


def message(*pieces):
    body = b"".join(pieces)
    return framing.header(framing.BINARY, len(body)) + body


def answer():
    body = orjson.dumps({"type": "run", "run": RUN})
    return framing.header(framing.TEXT, len(body)) + body


@pytest.fixture
async def viewer():
    viewer = Viewer(WATCHED, Arrivals(), "host", lambda viewer: None)
    viewer.connection_made(Line())
    hear(viewer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    viewer.open_run(0.0, again=False)
    return viewer


def hear(viewer, data, step=None):
    for at in range(0, len(data), step or len(data)):
        part = data[at : at + (step or len(data))]
        _SHARED[: len(part)] = part
        viewer.buffer_updated(len(part))


@pytest.mark.parametrize("step", [1, 7, None])
async def test_pieces_in_their_order_are_no_error_however_they_are_cut(viewer, step):
    hear(
        viewer, answer() + message(piece(0, 0, b"x" * 10, 20), piece(0, 10, b"x" * 10, 20), piece(1, 0, b"y", 1)), step
    )
    assert viewer.arrivals.errors == {}
    assert viewer.arrivals.finished == 1


async def test_a_piece_that_goes_on_elsewhere_is_one(viewer):
    hear(viewer, answer() + message(piece(0, 0, b"x" * 10, 30), piece(0, 20, b"x" * 10, 30)))
    assert viewer.arrivals.errors == {"a piece out of its order": 1}


async def test_a_server_that_is_late_may_answer_the_opening_before_this_one_too(viewer):
    viewer.open_run(4.0, again=True)
    hear(viewer, answer() + message(piece(0, 0, b"x" * 10, 20)))
    hear(viewer, answer() + message(piece(0, 0, b"x" * 10, 20), piece(0, 10, b"x" * 10, 20), piece(1, 0, b"y", 1)))
    assert viewer.arrivals.errors == {}
    assert viewer.arrivals.finished == 1
