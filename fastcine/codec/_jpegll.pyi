from typing_extensions import Buffer

class UnhandledStream(ValueError): ...

def scratch_size(frame_bytes: int, *, rows: int, columns: int, components: int, sample_bytes: int) -> int: ...
def decode(
    frame: Buffer,
    out: Buffer,
    scratch: Buffer,
    *,
    rows: int,
    columns: int,
    components: int,
    sample_bytes: int,
) -> None: ...
