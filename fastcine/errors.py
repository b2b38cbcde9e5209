"""The error tree, by whose fault it is.

::

    FastcineError
    ├── NotDicom              the bytes are no DICOM object at all: skipped and counted
    ├── BadDicom              the object is broken: quarantined; names tag and offset
    │   └── Mismatch          it is not the object that its sender announced
    ├── Unsupported           the object is sound, but we cannot decode it; names the transfer syntax
    ├── Duplicate             the same data set is stored already: counted
    ├── Conflict              another data set is stored under this SOP Instance UID: quarantined
    ├── PeerError             the other end broke the protocol: the socket is closed with its code
    ├── NotFound              what was asked for is not here
    │   └── NotReady          it is being made: it will be here in a moment
    ├── Denied                the caller may not (Host, Origin, role)
    ├── NotSignedIn           nobody has signed in, or the session is over
    ├── TooManyTries          too many failed sign-ins; come back later
    ├── Overloaded            no room for one more; come back later
    ├── StorageFull           the disk (or the quota) is full; nothing was half-stored
    ├── StorageUnavailable    the data folder cannot be read or written
    └── UsageError            a command or a setting is wrong; the text says what to do

Handlers match the type and its fields, never the text. Every leaf has a stable
``code`` (documented in docs/errors.md, checked by a test) and the HTTP status a
server answers with. Texts never hold a patient's name, ID or birth date.
"""

from __future__ import annotations


class FastcineError(Exception):
    """Base of everything fastcine raises on purpose."""

    code = "error"
    http_status = 500


class NotDicom(FastcineError):
    """The bytes are not a DICOM object: neither Part 10 nor a bare data set."""

    code = "not_dicom"
    http_status = 415


class BadDicom(FastcineError):
    """A broken object. ``tag`` is ``"GGGG,EEEE"`` (or ``""``), ``offset`` in bytes from the file's start (or -1)."""

    code = "bad_dicom"
    http_status = 400

    def __init__(self, reason: str, *, tag: str = "", offset: int = -1) -> None:
        self.reason, self.tag, self.offset = reason, tag, offset
        place = f" at ({tag})" if tag else ""
        where = f", offset {offset}" if offset >= 0 else ""
        super().__init__(f"{reason}{place}{where}")


class Mismatch(BadDicom):
    """The data set is not the object that its sender announced."""

    code = "mismatch"


class Unsupported(FastcineError):
    """A sound object that cannot be decoded here, and why."""

    code = "unsupported"
    http_status = 415

    def __init__(self, reason: str, *, transfer_syntax: str = "") -> None:
        self.reason, self.transfer_syntax = reason, transfer_syntax
        super().__init__(f"{reason} (transfer syntax {transfer_syntax})" if transfer_syntax else reason)


class Duplicate(FastcineError):
    """The same data set is already stored under this SOP Instance UID."""

    code = "duplicate"
    http_status = 200

    def __init__(self, sop_instance_uid: str) -> None:
        self.sop_instance_uid = sop_instance_uid
        super().__init__(f"already stored: {sop_instance_uid}")


class Conflict(FastcineError):
    """A different data set is stored under this SOP Instance UID; the first stays."""

    code = "conflict"
    http_status = 409

    def __init__(self, sop_instance_uid: str) -> None:
        self.sop_instance_uid = sop_instance_uid
        super().__init__(f"another data set is stored under SOP Instance UID {sop_instance_uid}")


class PeerError(FastcineError):
    """The other end of a stream broke the protocol; ``close_code`` is the WebSocket close code (4400 to 4499)."""

    code = "peer_error"
    http_status = 400

    def __init__(self, reason: str, *, close_code: int = 4400) -> None:
        self.reason, self.close_code = reason, close_code
        super().__init__(reason)


class NotFound(FastcineError):
    """What was asked for is not here."""

    code = "not_found"
    http_status = 404


class NotReady(NotFound):
    """What was asked for is being made: it will be here in a moment. `lost`: it was there, and has to be made anew."""

    code = "not_ready"
    http_status = 503

    def __init__(self, reason: str, *, lost: bool = False) -> None:
        self.lost = lost
        super().__init__(reason)


class Denied(FastcineError):
    """The caller may not do this."""

    code = "denied"
    http_status = 403


class NotSignedIn(FastcineError):
    """Nobody has signed in, or the session is over."""

    code = "not_signed_in"
    http_status = 401


class TooManyTries(FastcineError):
    """Too many failed sign-ins; ``retry_after_s`` says when to try again."""

    code = "too_many_tries"
    http_status = 429

    def __init__(self, reason: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class Overloaded(FastcineError):
    """No room for one more; ``retry_after_s`` says when to try again."""

    code = "overloaded"
    http_status = 503

    def __init__(self, reason: str, *, retry_after_s: float = 2.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class StorageFull(FastcineError):
    """No space left for the object; nothing was half-stored."""

    code = "storage_full"
    http_status = 507


class StorageUnavailable(FastcineError):
    """The data folder cannot be read or written."""

    code = "storage_unavailable"
    http_status = 503


class UsageError(FastcineError):
    """A command line, a setting or an address is wrong; the text says what to do."""

    code = "usage"
    http_status = 400
