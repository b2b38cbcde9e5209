"""DICOM upper layer PDUs as bytes (PS3.8 9.3), made here and not by a library: senders that cost nothing."""

import select
import socket
import struct
import time

PDV_LAST, PDV_COMMAND = 0x02, 0x01
APPLICATION = "1.2.840.10008.3.1.1.1"


def item(kind, content):
    return struct.pack(">BxH", kind, len(content)) + content


def associate_request(contexts, *, caller="RAW", called="FASTCINE", max_pdu=0):
    """A-ASSOCIATE-RQ. `contexts`: (SOP class, transfer syntax), whose IDs are then 1, 3, 5 …"""
    proposed = b"".join(
        item(0x20, bytes([2 * number + 1, 0, 0, 0]) + item(0x30, sop.encode()) + item(0x40, syntax.encode()))
        for number, (sop, syntax) in enumerate(contexts)
    )
    user = item(0x50, item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"1.2.3.4"))
    titles = called.encode().ljust(16) + caller.encode().ljust(16)
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + item(0x10, APPLICATION.encode()) + proposed + user
    return b"\x01\x00" + struct.pack(">I", len(body)) + body


RELEASE = b"\x05\x00\x00\x00\x00\x04" + bytes(4)


def element(number, value):
    """One of group 0000, implicit VR little endian (PS3.7 6.3.1)."""
    return struct.pack("<HHI", 0, number, len(value)) + value


def uid_value(uid):
    return uid.encode() + b"\0" * (len(uid) % 2)


def store_command(sop_class, sop_instance, *, message_id=1, extra=()):
    """The command set of C-STORE-RQ (PS3.7 9.3.1.1)."""
    values = {
        0x0002: uid_value(sop_class),
        0x0100: struct.pack("<H", 0x0001),
        0x0110: struct.pack("<H", message_id),
        0x0700: struct.pack("<H", 2),
        0x0800: struct.pack("<H", 1),
        0x1000: uid_value(sop_instance),
        **dict(extra),
    }
    body = b"".join(element(number, values[number]) for number in sorted(values))
    return element(0, struct.pack("<I", len(body))) + body


def pdv(context, flags, fragment):
    return struct.pack(">IBB", len(fragment) + 2, context, flags) + fragment


def data_pdu(*pdvs):
    body = b"".join(pdvs)
    return b"\x04\x00" + struct.pack(">I", len(body)) + body


def store_pdus(sent, *, context=1, message_id=1, most=131_066):
    """C-STORE-RQ as dcmtk sends it: the command in a PDU of its own, the data in as few as fit."""
    pdus = [data_pdu(pdv(context, 3, store_command(sent.sop_class_uid, sent.sop_instance_uid, message_id=message_id)))]
    for start in range(0, len(sent.data_set), most):
        last = PDV_LAST if start + most >= len(sent.data_set) else 0
        pdus.append(data_pdu(pdv(context, last, sent.data_set[start : start + most])))
    return b"".join(pdus)


def read_pdu(line):
    """(type, content) of the next PDU; (0, b"") where the connection has ended."""
    head = read_exactly(line, 6)
    if len(head) < 6:
        return 0, b""
    return head[0], read_exactly(line, struct.unpack(">I", head[2:])[0])


def read_exactly(line, count):
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            break
        found += more
    return found


def status_of(content):
    """The Status (0000,0900) of the answer in a P-DATA-TF PDU's content."""
    place = content.find(struct.pack("<HHI", 0, 0x0900, 2))
    return struct.unpack_from("<H", content, place + 8)[0]


def connect(port, contexts, **how):
    """An association, agreed upon."""
    line = socket.create_connection(("127.0.0.1", port), timeout=30)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(associate_request(contexts, **how))
    kind, _ = read_pdu(line)
    assert kind == 2, f"no association: PDU type {kind}"
    return line


def store_in_parallel(port, batches, contexts, **how):
    """Send every batch (whole requests as bytes) over an association of its own; seconds, and the statuses."""
    lines = [connect(port, contexts, **how) for _ in batches]
    waiting = {line: iter(batch) for line, batch in zip(lines, batches, strict=True)}
    statuses = []
    begun = time.monotonic()
    for line in lines:
        line.sendall(next(waiting[line]))
    while waiting:
        for line in select.select(list(waiting), [], [], 60)[0]:
            _, content = read_pdu(line)
            statuses.append(status_of(content))
            following = next(waiting[line], None)
            if following is None:
                del waiting[line]
            else:
                line.sendall(following)
    took = time.monotonic() - begun
    for line in lines:
        line.sendall(RELEASE)
        read_pdu(line)
        line.close()
    return took, statuses
