"""The emulated link, pure: its words, its line, its packets."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.errors import UsageError
from fastcine.load.link import Link, Shaper, parse_link
from fastcine.load.packets import LOOPBACK, Turn, near_and_far

NEAR, FAR = near_and_far(3)
turn = Turn(3)


@pytest.mark.parametrize("text", ["8M,80ms", "2M,120ms,1%", "1.5G,0.5ms", "64k,600ms,2.5%"])
def test_a_link_is_written_as_it_is_read(text):
    assert str(parse_link(text)) == text


def test_none_is_no_link():
    assert parse_link("none") is None


@pytest.mark.parametrize("text", ["", "8M", "8M,80", "80ms,8M", "0M,80ms", "8M,80ms,100%", "8Q,80ms", "8M,80ms,1%,x"])
def test_what_is_no_link_is_told_the_form(text):
    with pytest.raises(UsageError, match="RATE,RTT"):
        parse_link(text)


def test_a_packet_takes_its_time_on_the_line_and_half_the_round_trip():
    shaper = Shaper(Link(8e6, 80))
    assert shaper.offer(1000, 10.0) == pytest.approx(10.0 + 0.001 + 0.040)
    assert shaper.offer(1000, 10.0) == pytest.approx(10.0 + 0.002 + 0.040), "the second waits behind the first"
    assert shaper.offer(1000, 11.0) == pytest.approx(11.0 + 0.001 + 0.040)


def test_the_queue_is_bounded_and_the_rate_is_kept():
    shaper = Shaper(Link(8e6, 80))
    dues = [shaper.offer(1500, 0.0) for _ in range(1000)]
    came = [due for due in dues if due is not None]
    assert shaper.dropped == 1000 - len(came) > 0
    assert len(came) * 1500 <= Link(8e6, 80).queue_bytes
    assert came == sorted(came)
    assert came[-1] - came[0] == pytest.approx((len(came) - 1) * 1500 / 1e6)


def test_loss_is_the_share_that_was_asked_for():
    shaper = Shaper(Link(1e9, 1, 0.05), seed=3)
    for number in range(20_000):
        shaper.offer(100, number * 1e-3)
    assert 0.04 < shaper.lost / 20_000 < 0.06
    assert shaper.passed_packets + shaper.lost == 20_000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(source, target, payload):
    tcp = struct.pack("!HHIIBBHHH", 40000, 8080, 7, 9, 5 << 4, 0x18, 512, 0, 0) + payload
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0) + source + target
    return bytearray(head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp)


@settings(deadline=None)
@given(st.binary(max_size=64), st.booleans())
def test_a_turned_packet_has_right_checksums(payload, up):
    source, target = (NEAR, FAR) if up else (LOOPBACK, FAR)
    turned = packet(source, target, payload)
    assert turn(turned) is up
    assert bytes(turned[12:20]) == (FAR + LOOPBACK if up else FAR + NEAR)
    assert checksum(bytes(turned[:20])) == 0
    pseudo = bytes(turned[12:20]) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(turned) - 20)
    assert checksum(pseudo + bytes(turned[20:])) == 0
    assert bytes(turned[40:]) == payload


@pytest.mark.parametrize("strange", [b"", bytes(60), bytes([0x60]) + bytes(59), packet(LOOPBACK, NEAR, b"")])
def test_what_is_not_between_the_two_ends_is_left_alone(strange):
    before = bytes(strange)
    changed = bytearray(strange)
    assert turn(changed) is None
    assert bytes(changed) == before
