from typing import Any

from numpy.typing import NDArray
from typing_extensions import Buffer

Bytes = NDArray[Any]

def decode(frame: Buffer, out: Bytes, *, rows: int, columns: int, components: int, precision: int) -> None: ...
def decode_two(
    one: Buffer,
    out_one: Bytes,
    two: Buffer,
    out_two: Bytes,
    *,
    rows: int,
    columns: int,
    components: int,
    precision: int,
) -> tuple[Exception | None, Exception | None]: ...
