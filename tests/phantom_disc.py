"""The files of `fastcine phantom`, made once for all tests of one session: 10 s of CPU."""

import fcntl

from fastcine.phantom.patient import file_names, phantom_files


def phantom_disc(tmp_path_factory):
    """The folder that holds them. Whoever comes first makes them, whichever worker of the session it is."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = shared / "phantom-disc"
    with open(shared / "phantom-disc.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            for name, data in phantom_files():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
            (folder / "whole").touch()
    return {name: folder / name for name in file_names()}
