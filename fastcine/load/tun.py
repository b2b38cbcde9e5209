"""The link as packets: a TUN device whose far end is this machine, every packet delayed, queued and lost.

A process of its own (``python -m fastcine.load.tun LINK``): it says ``ready`` and the address of the far end, and
ends with its standard input, saying what passed as one line of JSON. Needs Linux and the right to make a device (root,
or `unshare -Urn`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import selectors
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from fastcine.load.link import Link, Shaper, parse_link
from fastcine.load.packets import MOST_LINKS, Turn, near_and_far

MTU_BYTES = 1500
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFDSTADDR, _IFF_UP, _IFF_RUNNING = 0x8914, 0x8916, 0x8918, 0x1, 0x40
_BURST = 64
"""Packets read before those that are due are looked at again."""
_EARLY_S = 0.0001


def open_device() -> tuple[int, int]:
    """(file descriptor, number) of a device, up, with addresses and a route. Raises OSError where none may be made."""
    for number in range(MOST_LINKS):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        try:
            name = f"fastcine{number}"
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
            _bring_up(name, number)
        except OSError as error:
            os.close(fd)
            if error.errno != errno.EBUSY:
                raise
        else:
            return fd, number
    raise OSError(errno.EBUSY, "all links are in use")


def _bring_up(name: str, number: int) -> None:
    near, far = near_and_far(number)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        with suppress(PermissionError):  # loopback is down in a namespace just made
            _flags(control, "lo")
        for code, address in ((_SIOCSIFADDR, near), (_SIOCSIFDSTADDR, far)):
            fcntl.ioctl(control, code, struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, address))
        with suppress(OSError):  # an address that comes a second later has browsers drop their connections
            _setting(name, "ipv6", "disable_ipv6").write_text("1")
        _flags(control, name)
    # Packets with a loopback address are otherwise taken for forged ones.
    _setting(name, "ipv4", "route_localnet").write_text("1")


def _setting(device: str, family: str, name: str) -> Path:
    return Path(f"/proc/sys/net/{family}/conf/{device}/{name}")


def _flags(control: socket.socket, name: str) -> None:
    """Up and running."""
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), _IFF_UP | _IFF_RUNNING))


class Relay:
    """Reads packets from the device and writes them back when they have come over the link."""

    def __init__(self, fd: int, number: int, link: Link) -> None:
        self._fd, self._turn = fd, Turn(number)
        self._shapers = {True: Shaper(link, 1), False: Shaper(link, 2)}
        # Delay is the same for all, so each direction is in order of arrival.
        self._under_way: dict[bool, deque[tuple[float, bytearray]]] = {True: deque(), False: deque()}

    def next_due(self) -> float | None:
        """When the next packet arrives, None when none is under way."""
        return min((line[0][0] for line in self._under_way.values() if line), default=None)

    def take(self) -> None:
        """Packets that are there to be read, onto the link."""
        for _ in range(_BURST):
            try:
                packet = bytearray(os.read(self._fd, MTU_BYTES + 64))
            except BlockingIOError:
                return
            up = self._turn(packet)
            if up is None:
                continue
            now = time.monotonic()
            due = self._shapers[up].offer(len(packet), now)
            if due is not None:
                self._under_way[up].append((due, packet))

    def deliver(self) -> None:
        """What has arrived, to its end."""
        now = time.monotonic() + _EARLY_S
        for line in self._under_way.values():
            while line and line[0][0] <= now:
                try:
                    os.write(self._fd, line.popleft()[1])
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.ENOBUFS, errno.EINVAL):
                        raise

    def totals(self) -> dict[str, dict[str, int]]:
        """What passed in each direction, `down` from the server."""
        names = ("passed_bytes", "passed_packets", "dropped", "lost")
        directions = {"down": self._shapers[False], "up": self._shapers[True]}
        return {word: {name: getattr(shaper, name) for name in names} for word, shaper in directions.items()}


def relay(line: Relay, fd: int, stop_fd: int) -> dict[str, dict[str, int]]:
    """Until `stop_fd` says end of file; what passed."""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        selector.register(stop_fd, selectors.EVENT_READ)
        while True:
            due = line.next_due()
            wait_s = None if due is None else max(0.0, due - time.monotonic() - _EARLY_S)
            for key, _ in selector.select(wait_s):
                if key.fd == fd:
                    line.take()
                elif not os.read(stop_fd, 4096):
                    return line.totals()
            line.deliver()


def main(words: list[str]) -> int:
    """The process."""
    link = parse_link(words[0])
    if link is None:
        return 2
    try:
        fd, number = open_device()
    except OSError as error:
        print(f"no TUN device: {error.strerror}", flush=True)
        return 1
    with suppress(OSError, AttributeError):  # ahead of what is measured, where that is allowed
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    print("ready", ".".join(map(str, near_and_far(number)[1])), flush=True)
    try:
        print(json.dumps(relay(Relay(fd, number, link), fd, sys.stdin.fileno())), flush=True)
    finally:
        os.close(fd)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
