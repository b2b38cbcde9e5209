from typing_extensions import Buffer

ENDED: int
PAUSED: int
FULL: int
NO_ITEM: int
TOO_LONG: int

def scan(
    buffer: Buffer,
    table: Buffer,
    *,
    filled: int,
    start: int,
    end: int,
    big_endian: bool,
    pause_bytes: int,
) -> tuple[int, int, int]: ...
