"""DICOM over TLS with dcmtk, both directions, and who is let in: the one whose certificate is known."""

import contextlib
import shutil
import socket
import time

import pytest

from fastcine.cli.serve_command import check_peers
from fastcine.config import Settings, check
from fastcine.dimse.peers import Peer, Peers, parse_peer
from fastcine.dimse.secure import certificates_of
from fastcine.errors import UsageError
from tests.archive.factories import part10
from tests.certificates import der, make
from tests.dimse.test_dcmtk import PATH, dcmtk, storescp
from tests.dimse.test_round_trip import free_port
from tests.serving import command, serving

needs_dcmtk = pytest.mark.skipif(shutil.which("echoscu", path=PATH) is None, reason="dcmtk is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: make(folder, name) for name in ("ours", "cathlab", "stranger", "dest")}


@pytest.fixture(scope="module")
def server(tmp_path_factory, keys):
    destination = free_port()
    peers = f"CATHLAB@127.0.0.1:104;tls={keys['cathlab'][0]},DEST@127.0.0.1:{destination};tls={keys['dest'][0]}"
    options = ("--dicom-port", "0", "--dicom-tls-port", "0", "--dicom-peers", peers, "--sign-in", "auto")
    ours = ("--tls-certificate", str(keys["ours"][0]), "--tls-key", str(keys["ours"][1]))
    with serving(tmp_path_factory.mktemp("secure") / "data", *options, *ours) as server:
        server.destination = destination
        yield server


def tls(keys, name):
    """dcmtk's options: its own pair, and whom it trusts."""
    return ("+tls", keys[name][1], keys[name][0], "+cf", keys["ours"][0])


@needs_dcmtk
def test_a_peer_with_its_certificate_stores_and_finds(server, keys, tmp_path):
    to = ("-aet", "CATHLAB", "-aec", "FASTCINE", "localhost", server.dicom_tls_port)
    dcmtk("echoscu", *tls(keys, "cathlab"), *to)
    sizes = (10, 40_000, 3_000_000)  # less than a TLS record, a few, many
    for number, size in enumerate(sizes):
        (tmp_path / f"{number}.dcm").write_bytes(part10(f"1.2.3.{number}", ImageComments="x" * size))
    dcmtk("storescu", *tls(keys, "cathlab"), *to, *sorted(tmp_path.glob("*.dcm")))
    stored = [path.stat().st_size for path in (server.data / "objects").rglob("*.dcm")]
    assert len(stored) == 3 and max(stored) > 3_000_000
    query = ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
    assert "StudyInstanceUID" in dcmtk("findscu", *tls(keys, "cathlab"), *query, *to)


@needs_dcmtk
@pytest.mark.parametrize(
    ("title", "key"),
    [("CATHLAB", "stranger"), ("CATHLAB", "dest"), ("STRANGER", "cathlab"), ("CATHLAB", None)],
    ids=["unknown certificate", "another peer's certificate", "unknown title", "in the clear"],
)
def test_nobody_else_is_let_in(server, keys, title, key):
    secure = tls(keys, key) if key else ()
    said = dcmtk("echoscu", *secure, "-aet", title, "-aec", "FASTCINE", "localhost", server.dicom_tls_port, ok=False)
    assert "failed" in said.lower() or "rejected" in said.lower() or "error" in said.lower(), said


@needs_dcmtk
def test_a_move_goes_out_by_tls_to_the_right_one_only(server, keys, tmp_path):
    (tmp_path / "one.dcm").write_bytes(part10("1.2.9.1", StudyInstanceUID="1.2.9", ImageComments="x" * 100_000))
    to = ("-aec", "FASTCINE", "localhost", server.dicom_port)
    dcmtk("storescu", *to, tmp_path / "one.dcm")
    move = ("movescu", "-S", "-aem", "DEST", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.9", *to)
    for key, arrives in (("stranger", False), ("dest", True)):
        folder = tmp_path / key
        with storescp(folder, server.destination, *tls(keys, key)):
            dcmtk(*move, ok=arrives)
            assert (len(list(folder.iterdir())) == 1) == arrives, key
            assert not arrives or next(folder.iterdir()).stat().st_size > 100_000


@needs_dcmtk
def test_what_peers_do_is_in_the_audit_record(server, keys):
    to = ("-aet", "CATHLAB", "-aec", "FASTCINE", "localhost", server.dicom_tls_port)
    dcmtk("findscu", *tls(keys, "cathlab"), "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=P77", *to)
    deadline, wanted = time.monotonic() + 10, ("searched", "PatientID P77", "stored", "exported", "to DEST")
    while time.monotonic() < deadline:
        record = command("audit", "--data", server.data).stdout
        if all(word in record for word in wanted):
            break
        time.sleep(0.2)
    assert all(word in record for word in wanted), record
    rows = [line for line in record.splitlines() if "CATHLAB" in line]
    assert rows and all("DICOM" in row and "127.0.0.1" in row for row in rows)


def test_a_slow_handshake_holds_up_nobody_else(server, keys):
    lines = [socket.create_connection(("127.0.0.1", server.dicom_tls_port), 5) for _ in range(10)]
    try:
        if shutil.which("echoscu", path=PATH):
            begun = time.monotonic()
            to = ("-aet", "CATHLAB", "-aec", "FASTCINE", "localhost", server.dicom_tls_port)
            dcmtk("echoscu", *tls(keys, "cathlab"), *to)
            assert time.monotonic() - begun < 4
        lines[0].sendall(b"GET / HTTP/1.0\r\n\r\n")
        lines[0].settimeout(8)
        with contextlib.suppress(ConnectionResetError):
            assert lines[0].recv(100)[:4] != b"HTTP"
        assert server.process.poll() is None and any("TLS connection" in line for line in server.lines)
    finally:
        for line in lines:
            line.close()


def test_what_a_table_of_peers_says(keys, tmp_path):
    peer = parse_peer("CATHLAB@10.0.0.5:2762;tls=/etc/cathlab.pem")
    assert peer == Peer("CATHLAB", "10.0.0.5", 2762, "/etc/cathlab.pem")
    shown, other = der(keys["cathlab"][0]), der(keys["stranger"][0])
    plain = Peer("OLD", "10.0.0.6", 104)
    peers = Peers([peer, plain], certificates={"CATHLAB": frozenset({shown})})
    assert peers.may_call("CATHLAB", "10.0.0.5", shown) and not peers.may_call("CATHLAB", "10.0.0.5", other)
    assert not peers.may_call("CATHLAB", "10.0.0.5"), "in the clear"
    assert not peers.may_call("CATHLAB", "10.0.0.9", shown) and not peers.may_call("OLD", "10.0.0.6", shown)
    assert peers.may_call("OLD", "10.0.0.6") and peers.may_call("ANYBODY", "127.0.0.1")
    with pytest.raises(UsageError, match="cannot read"):
        certificates_of(peer)
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(UsageError, match="no PEM certificate"):
        certificates_of(Peer("A", "b", 1, str(empty)))


def test_a_server_that_could_not_speak_it_does_not_start(keys):
    with pytest.raises(UsageError, match="tls_certificate"):
        check(Settings(dicom_tls_port=0))
    for certificate, said in ((keys["cathlab"][0], "certificate of ours"), ("/none.pem", "cannot read")):
        with pytest.raises(UsageError, match=said):
            check_peers(Settings(dicom_peers=(f"CATHLAB@127.0.0.1:104;tls={certificate}",)))
