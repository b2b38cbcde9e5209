"""A link between browser and server on which the stream alone is slowed: `/ws` at so many bytes a second."""

import socket
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

BUFFER_BYTES = 16384
"""Small buffers, so that what was sent is what has arrived."""


class Relay:
    def __init__(self, url, bytes_per_s):
        self.bytes_per_s = bytes_per_s
        """For every stream, from now on; None: as fast as it goes."""
        self._target = (urlsplit(url).hostname, urlsplit(url).port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                browser, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        ends = {browser, server}
        self._open |= ends
        try:
            server.connect(self._target)
            head = browser.recv(65536)
            server.sendall(head)
            back = threading.Thread(
                target=self._pump, args=(server, browser, head.startswith(b"GET /ws ")), daemon=True
            )
            back.start()
            self._pump(browser, server, False)
            back.join()
        except OSError:
            pass
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    def _pump(self, source, sink, slowed):
        with suppress(OSError):
            while data := source.recv(BUFFER_BYTES // 4 if slowed else 65536):
                sink.sendall(data)
                if slowed and self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def lead_to(self, url):
        """Another server, from the next connection on."""
        self._target = (urlsplit(url).hostname, urlsplit(url).port)

    def cut(self):
        """Ends what is connected."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listening.close()
        self.cut()


@contextmanager
def slow_link(url, bytes_per_s):
    relay = Relay(url, bytes_per_s)
    try:
        yield relay
    finally:
        relay.close()
