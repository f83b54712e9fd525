"""A certificate of this machine's own, so that a page opened from another device may use that device's camera.

Browsers give cameras only to pages that came encrypted, or from the machine itself. No authority signs for addresses of
a home network, so a viewer is asked once whether to go on. The certificate is kept, so that the answer holds at the
next start.
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
from live_cam.explain.whole_file import whole_file

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_VALID = timedelta(days=397)  # Apple's systems refuse more than 825 days, and others begin to refuse more than 398
_RENEWED_BEFORE_END = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(hours=1)
_LOCK_LIMIT_S = 10.0
_Names = frozenset[x509.GeneralName]
_SPOILT = (OSError, ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.ExtensionNotFound)
_SIGNS_ONLY = x509.KeyUsage(
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
    """What a server needs to encrypt, and a person to compare.

    Attributes:
        chain: The file (PEM) that holds the certificate.
        key: The file (PEM) that holds its private key; only this user may read it.
        fingerprint: SHA-256 of the certificate as browsers show it: hex digits in pairs, with colons.
    """

    chain: Path
    key: Path
    fingerprint: str


def certificate(names: Collection[str]) -> Certificate:
    """Gives the certificate kept for this user, made anew where it is spoilt, soon ends, or lacks one of the names.

    One that lacks a name is followed by one that holds the old names too: a laptop that moves between two networks
    needs no third. Names that DNS can't carry are passed over, since nobody comes by them.

    Args:
        names: The names and addresses by which viewers come; those of loopback are always added.

    Raises:
        ServeError: There is none yet and it can't be kept.
    """
    wanted = _general_names((*_LOOPBACK_NAMES, *names))
    folder = user_data_path("live_cam")
    chain, key = folder / "certificate.pem", folder / "key.pem"
    found = _find(chain, key, wanted)
    if found is None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(folder / "certificate.lock", timeout=_LOCK_LIMIT_S):
                # Another process may have been faster.
                found = _find(chain, key, wanted) or _make(chain, key, wanted)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ServeError(f"can't keep a certificate in {folder}: {reason}; make that folder writable") from error
    return Certificate(chain, key, found.fingerprint(SHA256()).hex(":").upper())


def _general_names(names: Iterable[str]) -> _Names:
    found: set[x509.GeneralName] = set()
    for name in names:
        try:
            # Without the zone (fe80::1%eth0), which means something on this machine only.
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
    """Gives the certificate on disk, or None where there is none for these names and the days to come."""
    now = datetime.now(UTC)
    try:
        found = x509.load_pem_x509_certificate(chain.read_bytes())
        found.verify_directly_issued_by(found)
        covers = names <= _covered(found)
        belongs = load_pem_private_key(key.read_bytes(), None).public_key() == found.public_key()
    except _SPOILT:
        return None
    in_time = found.not_valid_before_utc <= now <= found.not_valid_after_utc - _RENEWED_BEFORE_END
    return found if belongs and covers and in_time else None


def _make(chain: Path, key: Path, names: _Names) -> x509.Certificate:
    """Makes a certificate and writes it, with a key where there is none.

    A key that can be read stays, so that a server which reads the two files at this moment gets two that belong
    together.
    """
    private = _find_key(key)
    if private is None:
        private = generate_private_key(SECP256R1())
        with whole_file(key) as file:  # which no other user may read, from its first byte on
            file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    before = _find(chain, key, frozenset())
    made = _sign(private, names | _covered(before) if before else names)
    with whole_file(chain) as file:
        file.write(made.public_bytes(Encoding.PEM))
    return made


def _find_key(path: Path) -> EllipticCurvePrivateKey | None:
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except _SPOILT:
        return None
    return found if isinstance(found, EllipticCurvePrivateKey) else None


def _sign(key: EllipticCurvePrivateKey, names: _Names) -> x509.Certificate:
    begin = datetime.now(UTC) - _CLOCKS_DIFFER
    # A new subject each time: Firefox takes an older certificate of the same subject for this one's issuer, finds that
    # it may not issue, and then lets nobody go on (SEC_ERROR_INADEQUATE_KEY_USAGE, Mozilla's bug 1590217).
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"live_cam {secrets.token_hex(4)}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _VALID)
    )
    for extension, critical in (
        (x509.SubjectAlternativeName(sorted(names, key=repr)), False),
        # Firefox refuses one that may issue others, Apple's systems one that does not say that it is a server's.
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_SIGNS_ONLY, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, SHA256())
