"""Who may call, and where moves go."""

import pytest

from fastcine.config import Settings, check
from fastcine.dimse.peers import Peer, Peers, is_loopback, parse_peer
from fastcine.errors import UsageError


def test_a_peer_as_text():
    assert parse_peer("CATHLAB@10.0.0.5:104") == Peer("CATHLAB", "10.0.0.5", 104)
    assert parse_peer(" ECHO 1@[::1]:11112 ") == Peer("ECHO 1", "::1", 11112)
    assert parse_peer("VIEWER@viewer.example.org:4242").host == "viewer.example.org"
    for wrong in ("", "CATHLAB", "CATHLAB@host", "@host:104", "SEVENTEEN_LETTERS@host:104", "A@host:0", "A@host:70000"):
        with pytest.raises(UsageError, match="AETITLE@host:port"):
            parse_peer(wrong)


def test_on_this_machine_anybody_may_call():
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert is_loopback(address)
        assert Peers(()).may_call("ANYBODY", address)
    assert not is_loopback("10.0.0.5") and not is_loopback("example.org")


def test_from_elsewhere_title_and_address_must_fit():
    peers = Peers((Peer("CATHLAB", "cathlab", 104),), {"cathlab": frozenset({"10.0.0.5"})})
    assert peers.may_call("CATHLAB", "10.0.0.5") and peers.may_call("CATHLAB ", "10.0.0.5")
    assert not peers.may_call("CATHLAB", "10.0.0.6")
    assert not peers.may_call("cathlab", "10.0.0.5")
    assert not peers.may_call("OTHER", "10.0.0.5")


def test_off_loopback_peers_must_be_named():
    with pytest.raises(UsageError, match="--dicom-peers"):
        check(Settings(dicom_host="0.0.0.0"))
    check(Settings(dicom_host="0.0.0.0", dicom_peers=("CATHLAB@10.0.0.5:104",)))
    check(Settings(dicom_host="0.0.0.0", dicom_port=-1))
