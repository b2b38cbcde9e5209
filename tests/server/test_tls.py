"""TLS: what is spoken, what is refused before anything starts, and a certificate that is renewed under way."""

import socket
import ssl
import subprocess
import time

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.cli.serve_command import check_sign_in
from fastcine.config import Settings, check
from fastcine.errors import UsageError
from fastcine.server.tls import Certificate, server_context
from tests.certificates import der, make
from tests.serving import serving


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    # Of different kinds: each kind of key has a place of its own in OpenSSL, and the old one must not stay in its.
    return make(folder, "first", kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")), make(folder, "second")


def spoken(port, **limits):
    """The version that is agreed on, and the certificate that is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, value in limits.items():
        context.set_ciphers(value) if name == "ciphers" else setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", port), 5) as line, context.wrap_socket(line) as secure:
        return secure.version(), secure.getpeercert(binary_form=True)


def test_a_pair_that_does_not_go_together_is_said_in_one_line(pairs, tmp_path):
    (first, first_key), (second, second_key) = pairs
    server_context(str(first), str(first_key))
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "rsa", "-aes128", "-passout", "pass:x", "-in", second_key, "-out", locked], check=True,
                   capture_output=True)  # fmt: skip
    for certificate, key in ((first, second_key), (first, first), (first_key, first_key), (second, locked)):
        with pytest.raises(UsageError, match="certificate"):
            server_context(str(certificate), str(key))
    with pytest.raises(UsageError, match="cannot read"):
        server_context(str(tmp_path / "none.pem"), str(first_key))


def test_a_renewed_pair_is_taken_up_and_half_of_one_is_not(pairs, tmp_path):
    (first, first_key), (second, second_key) = pairs
    certificate, key = tmp_path / "live.pem", tmp_path / "live.key"
    certificate.write_bytes(first.read_bytes())
    key.write_bytes(first_key.read_bytes())
    live = Certificate(str(certificate), str(key))
    assert not live.renew()
    certificate.write_bytes(second.read_bytes())
    with pytest.raises(UsageError):
        live.renew()
    key.write_bytes(second_key.read_bytes())
    assert live.renew() and not live.renew()


def test_serving_off_loopback_asks_for_all_that_is_needed(tmp_path, pairs):
    (certificate, key), _ = pairs
    folder, secure = DataFolder(tmp_path), {"tls_certificate": str(certificate), "tls_key": str(key)}
    for settings, said in (({"host": "0.0.0.0"}, "without TLS"), ({"tls_certificate": "x"}, "go together")):
        with pytest.raises(UsageError, match=said):
            check(Settings(data=str(tmp_path), **settings))
    off_loopback, asked = Settings(data=str(tmp_path), host="0.0.0.0", **secure), Settings(sign_in="yes")
    check(off_loopback)
    for settings in (off_loopback, asked):
        with pytest.raises(UsageError, match="fastcine user add"):
            check_sign_in(folder, settings)
    index = Index(folder.index_path)
    accounts.add(index, "dr.smith", Role.READER, password=None)
    index.close()
    check_sign_in(folder, off_loopback)


def test_a_server_speaks_new_tls_only_and_renews_while_it_serves(tmp_path, pairs):
    (first, first_key), (second, second_key) = pairs
    certificate, key = tmp_path / "live.pem", tmp_path / "live.key"
    certificate.write_bytes(first.read_bytes())
    key.write_bytes(first_key.read_bytes())
    options = ("--tls-certificate", str(certificate), "--tls-key", str(key))
    with serving(tmp_path / "data", *options) as server:
        assert server.url.startswith("https://")
        port = int(server.url.rsplit(":", 1)[1])
        assert spoken(port) == ("TLSv1.3", der(first))
        assert spoken(port, maximum_version=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"
        for weak in (
            {"maximum_version": ssl.TLSVersion.TLSv1_2, "ciphers": "AES128-GCM-SHA256"},  # no ephemeral key
            {"maximum_version": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-RSA-AES128-SHA"},
        ):  # fmt: skip
            with pytest.raises((ssl.SSLError, ConnectionError)):
                spoken(port, **weak)
        for version, served in (("-tls1_2", True), ("-tls1_1", False)):
            words = ["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{port}"]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
            assert (b"Cipher is (NONE)" not in done.stdout) == served, done.stdout
        # Two files cannot be renewed at once: in between they do not go together.
        certificate.write_bytes(second.read_bytes())
        key.write_bytes(second_key.read_bytes())
        deadline = time.monotonic() + 15
        while (shown := spoken(port)[1]) != der(second) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert shown == der(second)
