"""A self-signed certificate, so that a page opened on another device may use that device's camera.

Browsers open cameras only for pages over HTTPS or from the machine itself. No authority signs for addresses of a home
network, so a viewer has to accept the certificate once. It is kept, so that this holds at the next start.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from filelock import FileLock
from platformdirs import user_data_path

from live_cam.errors import ServeError
from live_cam.files import atomic_file

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_VALIDITY = timedelta(days=397)  # Apple's systems refuse more than 825 days, and some browsers more than 398
_RENEW_BEFORE_END = timedelta(days=7)
_CLOCK_SKEW = timedelta(hours=1)
_LOCK_LIMIT_S = 10.0
_Names = frozenset[x509.GeneralName]
_INVALID = (OSError, ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.ExtensionNotFound)
_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, and the fingerprint to compare.

    Attributes:
        chain: The file (PEM) that holds the certificate.
        key: The file (PEM) that holds its private key; only this user may read it.
        fingerprint: SHA-256 of the certificate as browsers show it: hex digits in pairs, with colons.
    """

    chain: Path
    key: Path
    fingerprint: str


def certificate(names: Collection[str]) -> Certificate:
    """Returns this user's certificate; creates one if it is missing, invalid, about to expire, or lacks a name.

    A new one keeps the names of the old, so that a laptop that moves between two networks needs no third. Names that
    are invalid in DNS are skipped, since nobody can use them.

    Args:
        names: The names and addresses that viewers use; those of loopback are always added.

    Raises:
        ServeError: A new one could not be written.
    """
    required = _general_names((*_LOOPBACK_NAMES, *names))
    folder = user_data_path("live_cam")
    chain, key = folder / "certificate.pem", folder / "key.pem"
    found = _find(chain, key, required)
    if found is None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(folder / "certificate.lock", timeout=_LOCK_LIMIT_S):
                # Another process may have been faster.
                found = _find(chain, key, required) or _create(chain, key, required)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ServeError(f"cannot write a certificate to {folder}: {reason}; make that folder writable") from error
    return Certificate(chain, key, found.fingerprint(SHA256()).hex(":").upper())


def _general_names(names: Iterable[str]) -> _Names:
    found: set[x509.GeneralName] = set()
    for name in names:
        try:
            # Without the zone (fe80::1%eth0), which is local to this machine.
            found.add(x509.IPAddress(ipaddress.ip_address(name.partition("%")[0])))
        except ValueError:
            try:
                found.add(x509.DNSName(name.casefold().encode("idna").decode()))
            except UnicodeError:
                continue
    return frozenset(found)


def _covered(found: x509.Certificate) -> _Names:
    return frozenset(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _find(chain: Path, key: Path, names: _Names) -> x509.Certificate | None:
    """Returns the certificate on disk, or None if it is invalid, about to expire, or lacks one of the names."""
    now = datetime.now(UTC)
    try:
        found = x509.load_pem_x509_certificate(chain.read_bytes())
        found.verify_directly_issued_by(found)
        covers = names <= _covered(found)
        matches = load_pem_private_key(key.read_bytes(), None).public_key() == found.public_key()
    except _INVALID:
        return None
    current = found.not_valid_before_utc <= now <= found.not_valid_after_utc - _RENEW_BEFORE_END
    return found if matches and covers and current else None


def _create(chain: Path, key: Path, names: _Names) -> x509.Certificate:
    """Creates a certificate and writes it, with a key if there is none.

    A valid key is kept, so that a server that reads both files at this moment gets two that match.
    """
    private = _find_key(key)
    if private is None:
        private = generate_private_key(SECP256R1())
        with atomic_file(key) as file:  # which is created readable for this user only
            file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    old = _find(chain, key, frozenset())
    new = _sign(private, names | _covered(old) if old else names)
    with atomic_file(chain) as file:
        file.write(new.public_bytes(Encoding.PEM))
    return new


def _find_key(path: Path) -> EllipticCurvePrivateKey | None:
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except _INVALID:
        return None
    return found if isinstance(found, EllipticCurvePrivateKey) else None


def _sign(key: EllipticCurvePrivateKey, names: _Names) -> x509.Certificate:
    start = datetime.now(UTC) - _CLOCK_SKEW
    # A new subject each time: Firefox takes an older certificate with the same subject for the issuer, which may not
    # issue, and then offers no exception (SEC_ERROR_INADEQUATE_KEY_USAGE, Mozilla bug 1590217).
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"live_cam {secrets.token_hex(4)}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALIDITY)
    )
    for extension, critical in (
        (x509.SubjectAlternativeName(sorted(names, key=repr)), False),
        # Firefox refuses one that may issue others, Apple's systems one without the usage SERVER_AUTH.
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_KEY_USAGE, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, SHA256())
