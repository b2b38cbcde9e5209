"""Self-signed certificates for tests, made by openssl."""

import ssl
import subprocess


def make(folder, name, *, kind=("rsa:2048",)):
    """A certificate and its key, PEM files; `kind` is what openssl calls the key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def der(certificate):
    """The certificate's bytes, as the other side is shown them."""
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())
