from typing_extensions import Buffer

def packed_size(frame_bytes: int, piece_bytes: int) -> int: ...
def pack(
    bitstream: Buffer,
    out: Buffer,
    *,
    version: int,
    tier: int,
    codec: int,
    frame: int,
    run: int,
    crc32: int,
    piece_bytes: int,
) -> None: ...
