"""`python -m bench.askers`: clients in a closed loop, each on a connection of its own that asks again at once.

A process of its own, so that it takes nothing from the server's. Its order comes as JSON on stdin (`host`, `port`,
`clients`, `lead_s`, `seconds`, `questions`: name to paths), its figures go to stdout: milliseconds of every answer, by
name of the question.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from typing import Any

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/dicom+json\r\nAccept-Encoding: gzip, deflate\r\n\r\n"
)
GOOD = (b"200", b"204")


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; its length in bytes. Raises RuntimeError where it is no success."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if head[9:12] not in GOOD:
        raise RuntimeError(f"the server answers {head[:200]!r}")
    if b"transfer-encoding: chunked" in head:
        length = 0
        while size := int(await reader.readline(), 16):
            length += size
            await reader.readexactly(size + 2)
        await reader.readline()
        return length
    _, _, rest = head.partition(b"content-length:")
    length = int(rest.partition(b"\r\n")[0]) if rest else 0
    await reader.readexactly(length)
    return length


async def _client(order: dict[str, Any], number: int, until: float, found: dict[str, list[tuple[float, int]]]) -> None:
    reader, writer = await asyncio.open_connection(order["host"], order["port"], limit=1 << 20)
    drawn = random.Random(number)
    host = f"{order['host']}:{order['port']}"
    names = list(order["questions"])
    begins = time.perf_counter() + order["lead_s"]
    try:
        while (asked := time.perf_counter()) < until:
            name = drawn.choice(names)
            writer.write(REQUEST.format(path=drawn.choice(order["questions"][name]), host=host).encode())
            length = await _answer(reader)
            if asked >= begins:
                found[name].append(((time.perf_counter() - asked) * 1000, length))
    finally:
        writer.close()


async def ask(order: dict[str, Any]) -> dict[str, Any]:
    """All clients for `seconds`, after `lead_s` that do not count."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    until = time.perf_counter() + order["lead_s"] + order["seconds"]
    before = time.process_time()
    await asyncio.gather(*(_client(order, number, until, found) for number in range(order["clients"])))
    return {"answers": found, "client_cpu": (time.process_time() - before) / (order["lead_s"] + order["seconds"])}


if __name__ == "__main__":
    json.dump(asyncio.run(ask(json.load(sys.stdin))), sys.stdout)
