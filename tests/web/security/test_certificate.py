"""The self-signed certificate, as a TLS client sees it that trusts nothing else."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from filelock import FileLock

from live_cam.errors import ServeError
from live_cam.web.security.certificate import certificate

pytestmark = pytest.mark.slow

LOOPBACK = ["localhost", "127.0.0.1", "::1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The directory of the certificate; not created yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "live_cam"


@pytest.fixture
def https():
    """Serves "hello" with a certificate on a free port of 127.0.0.1: `https(certificate)` returns the port."""
    stops = []

    async def hello(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    def serve(made):
        files = {"ssl_certfile": made.chain, "ssl_keyfile": made.key}
        server = uvicorn.Server(uvicorn.Config(hello, lifespan="off", log_level="warning", **files))
        listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()

        def stop():
            server.should_exit = True
            thread.join(10)
            listener.close()

        stops.append(stop)
        return listener.getsockname()[1]

    yield serve
    for stop in stops:
        stop()


def trusting(made):
    """Returns a client's TLS context that trusts this certificate alone, as strict as Python 3.13 by default."""
    context = ssl.create_default_context(cafile=made.chain)
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def parsed(made):
    return x509.load_pem_x509_certificate(made.chain.read_bytes())


def names(made):
    alternatives = parsed(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in alternatives}


def write_pair(folder, days_left, key=None):
    """Writes a certificate for loopback that was created a year ago, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "written by a test")])
    end = datetime.now(UTC) + timedelta(days=days_left)
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in LOOPBACK[1:]]
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=397))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False)
        .sign(key, SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made.fingerprint(SHA256()).hex(":").upper()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_it_and_checks_the_name_gets_the_page(https, host):
    made = certificate(["192.168.1.20"])
    assert httpx.get(f"https://{host}:{https(made)}/", verify=trusting(made)).text == "hello"


@pytest.mark.parametrize("host", ["192.168.1.20", "fd00::20", "cam.local", "müller.local", "::1"])
def test_a_client_accepts_each_requested_name_and_no_other(https, host):
    made = certificate(["192.168.1.20", "fd00::20%eth0", "Cam.local", "müller.local"])
    port = https(made)
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        trusting(made).wrap_socket(connection, server_hostname=host) as encrypted,
    ):
        assert encrypted.version() == "TLSv1.3"
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError, match="mismatch"),
    ):
        trusting(made).wrap_socket(connection, server_hostname="192.168.1.21")


def test_it_has_what_browsers_require_of_a_servers_certificate():
    found = parsed(certificate([]))
    extensions = found.extensions
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(days=397)
    assert found.not_valid_before_utc < datetime.now(UTC) - timedelta(minutes=59)
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert ExtendedKeyUsageOID.SERVER_AUTH in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert isinstance(found.public_key().curve, ec.SECP256R1)


def test_the_fingerprint_is_the_one_that_a_client_computes(https):
    made = certificate([])
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", https(made))))
    assert made.fingerprint.replace(":", "").lower() == x509.load_der_x509_certificate(der).fingerprint(SHA256()).hex()
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", made.fingerprint)


def test_it_is_kept_for_the_same_names_and_for_fewer():
    first = certificate(["192.168.1.20", "Cam.local", "fe80::20%eth0"])
    assert certificate(["cam.local", "fe80::20%eth0", "192.168.1.20"]) == first
    assert certificate([]) == first


def test_one_that_lacks_a_name_is_followed_by_one_with_the_old_names_too():
    first = certificate(["192.168.1.20"])
    second = certificate(["10.0.0.20"])
    assert second.fingerprint != first.fingerprint
    assert names(second) == {*LOOPBACK, "192.168.1.20", "10.0.0.20"}
    assert certificate(["192.168.1.20"]) == second


def test_no_two_have_the_same_subject_or_number():
    first = parsed(certificate([]))
    second = parsed(certificate(["192.168.1.20"]))
    assert first.subject != second.subject
    assert first.serial_number != second.serial_number


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_a_name_that_is_invalid_in_dns_is_skipped(name):
    assert {*LOOPBACK} <= names(certificate([name])) <= {*LOOPBACK, ""}


@pytest.mark.parametrize(("days_left", "kept"), [(8, True), (6, False), (-1, False), (398, False)])
def test_it_is_renewed_when_it_has_expired_or_is_about_to(folder, days_left, kept):
    written = write_pair(folder, days_left)
    made = certificate(LOOPBACK)
    assert (made.fingerprint == written) == kept
    assert parsed(made).not_valid_before_utc < datetime.now(UTC) < parsed(made).not_valid_after_utc


@pytest.mark.parametrize("file", ["certificate.pem", "key.pem"])
@pytest.mark.parametrize("damage", ["empty", "cut", "other", "gone"])
def test_a_damaged_file_is_replaced_and_kept_again(https, folder, file, damage):
    first = certificate([])
    path = folder / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b"\xff\x00\x01"}[damage])
    second = certificate([])
    assert second.fingerprint != first.fingerprint
    assert certificate([]) == second
    assert httpx.get(f"https://127.0.0.1:{https(second)}/", verify=trusting(second)).text == "hello"


def test_one_whose_signature_is_invalid_is_replaced(folder):
    write_pair(folder, 300)
    path = folder / "certificate.pem"
    der = bytearray(ssl.PEM_cert_to_DER_cert(path.read_text()))
    der[-1] ^= 1
    path.write_text(ssl.DER_cert_to_PEM_cert(bytes(der)))
    invalid = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate([]).fingerprint != invalid.fingerprint(SHA256()).hex(":").upper()


def test_a_certificate_that_does_not_match_the_key_is_replaced(https, folder):
    first = certificate([])
    ours = (folder / "certificate.pem").read_bytes()
    write_pair(folder, 300)
    (folder / "certificate.pem").write_bytes(ours)
    second = certificate([])
    assert second.fingerprint != first.fingerprint
    assert httpx.get(f"https://127.0.0.1:{https(second)}/", verify=trusting(second)).text == "hello"


def test_an_rsa_key_is_replaced_along_with_its_certificate(folder):
    write_pair(folder, 1, rsa.generate_private_key(65537, 2048))
    assert isinstance(parsed(certificate([])).public_key(), ec.EllipticCurvePublicKey)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_only_this_user_may_read_the_key_or_open_the_folder(folder, monkeypatch):
    modes_when_placed = []
    place = os.replace

    def watch(source, target):
        modes_when_placed.append(os.stat(source).st_mode & 0o777)  # noqa: PTH116
        place(source, target)

    monkeypatch.setattr(os, "replace", watch)
    mask = os.umask(0)
    try:
        made = certificate([])
    finally:
        os.umask(mask)
    assert modes_when_placed == [0o600, 0o600]
    assert made.key.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_is_not_writable_is_reported_in_one_line(folder):
    folder.parent.write_text("a file where the folder should be")
    with pytest.raises(ServeError, match=r"make that folder writable$") as raised:
        certificate([])
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_that_is_kept_needs_no_writing(folder, monkeypatch):
    first = certificate([])

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("live_cam.web.security.certificate.FileLock", refuse)
    assert certificate([]) == first
    with pytest.raises(ServeError, match="Permission denied; make that folder writable"):
        certificate(["192.168.1.20"])


# Prints a line before it waits for the lock, and then the fingerprint.
AGREE = """
from live_cam.web.security import certificate as module

class Lock(module.FileLock):
    def acquire(self, *args, **options):
        print("waits", flush=True)
        return super().acquire(*args, **options)

module.FileLock = Lock
print(module.certificate(["192.168.1.20"]).fingerprint)
"""


def test_processes_that_start_at_once_agree_on_one_certificate(folder):
    folder.mkdir(parents=True)
    with FileLock(folder / "certificate.lock"):
        started = [subprocess.Popen([sys.executable, "-c", AGREE], stdout=subprocess.PIPE, text=True) for _ in range(3)]
        assert [process.stdout.readline() for process in started] == ["waits\n"] * 3
        assert [process.poll() for process in started] == [None] * 3
        assert not (folder / "certificate.pem").exists()
    fingerprints = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert fingerprints == {certificate(["192.168.1.20"]).fingerprint}


def test_a_server_that_reads_the_files_while_others_renew_them_gets_a_matching_pair():
    made = certificate([])
    ended = threading.Event()

    def load_until_the_end():
        loaded = 0
        while not ended.is_set():
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)  # raises where they do not
            loaded += 1
        return loaded

    with ThreadPoolExecutor(5) as pool:
        loads = pool.submit(load_until_the_end)
        try:
            list(pool.map(certificate, [[f"10.0.0.{number}"] for number in range(60)]))
        finally:
            ended.set()
        assert loads.result() > 0
    assert names(certificate([])) == {*LOOPBACK, *(f"10.0.0.{number}" for number in range(60))}
