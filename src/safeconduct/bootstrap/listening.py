"""Where a server listens: in the clear on loopback, with TLS anywhere.

A server that speaks TLS has a second socket, in the clear and on loopback: commands on this machine and the probes of
its own lists need neither its certificate's name nor one of their own. Local secret, acts and tokens hold there too.
"""

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.ledger.passkeys import Site
from safeconduct.settings import SECRET_BYTES_MAX, private_text

BACKLOG = 2048
"""Connections that wait to be taken. Callers come in bursts of some hundreds."""

_NOT_TAKEN = "tls-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSFiles:
    """Files in PEM: certificate with its chain, its key, and the authority whose certificates clients must show.

    With `optional` clients without one get in as well; one of another authority's never does.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Address to listen on, and what keeps calls unread on their way: TLS of our own, or somebody's in front of us."""

    host: str = "127.0.0.1"
    port: int = 8700
    tls: TLSFiles | None = None
    tls_in_front: bool = False


def tls_files(
    cert: Path | None, key: Path | None, client_ca: Path | None, *, optional: bool = False
) -> TLSFiles | None:
    """Returns the files of the options, None if none is named.

    Raises:
        InvalidInputError: `tls-incomplete`.
    """
    if cert and key and (client_ca or not optional):
        authority = client_ca and client_ca.absolute()
        return TLSFiles(cert=cert.absolute(), key=key.absolute(), client_ca=authority, optional=optional)
    if cert or key or client_ca or optional:
        raise InvalidInputError(
            "expected a certificate and its key, and an authority where clients may show one, and got less",
            code="tls-incomplete",
            remedy="give --tls-cert and --tls-key; --client-ca needs them, and --client-cert-optional all three",
        )
    return None


def server_tls(files: TLSFiles | None, now: Instant) -> ssl.SSLContext | None:
    """Returns TLS 1.2 or later with the certificate; with an authority for clients, no client certificate but its own.

    Returns None where there are no files.

    Raises:
        InvalidInputError: `tls-unusable`: a file can't be read, or key and certificate are no pair; `tls-expired`: the
            certificate is not valid now; `key-exposed`: others may read the key.
    """
    if files is None:
        return None
    private_text(files.key, "TLS key", SECRET_BYTES_MAX)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with _told(f"certificate {files.cert}", "give a PEM file of the certificate with its chain"):
        _require_valid(files.cert, now)
    with _told(f"key {files.key}", f"give the key of {files.cert}, in PEM and unencrypted"):
        context.load_cert_chain(files.cert, files.key, password=lambda: "")  # else OpenSSL asks the terminal
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL if files.optional else ssl.CERT_REQUIRED
        with _told(f"clients' authority {files.client_ca}", "give a PEM file of the authority's certificate"):
            context.load_verify_locations(cafile=files.client_ca)
    return context


@contextlib.contextmanager
def _told(what: str, remedy: str) -> Iterator[None]:
    """Tells of which file it is that what happens within can't be."""
    try:
        yield
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInputError(f"cannot use the {what}: {why}", code=_NOT_TAKEN, remedy=remedy) from error


def _require_valid(cert: Path, now: Instant) -> None:
    first, at = x509.load_pem_x509_certificates(cert.read_bytes())[0], datetime.fromisoformat(rfc3339(now))
    if not first.not_valid_before_utc <= at <= first.not_valid_after_utc:
        raise InvalidInputError(
            f"the certificate {cert} is valid from {first.not_valid_before_utc} to {first.not_valid_after_utc}",
            code="tls-expired",
            remedy="renew it, or set this machine's clock",
        )


@contextlib.contextmanager
def listening(where: Where) -> Iterator[socket.socket]:
    """Opens the socket that callers come to.

    Raises:
        UnavailableError: `address-in-use`; `address-unusable`: it is none of this machine.
        InvalidInputError: `listen-unencrypted`: others could read along.
    """
    with _socket(where.host, where.port) as listener:
        bound = listener.getsockname()[0]
        if not (where.tls or where.tls_in_front or ip_address(bound).is_loopback):
            raise InvalidInputError(
                f"expected TLS on {where.host}: tokens, prompts and answers would be readable on their way",
                code="listen-unencrypted",
                remedy="give --tls-cert and --tls-key, or say --tls-in-front where TLS ends at a proxy before this one",
            )
        yield listener


@contextlib.contextmanager
def loopback(where: Where) -> Iterator[socket.socket | None]:
    """Opens the socket for this machine's own commands, where the other one speaks TLS."""
    if where.tls is None:
        yield None
        return
    with _socket("127.0.0.1", 0) as listener:
        yield listener


def address_of(listener: socket.socket, *, tls: bool = False) -> str:
    """Returns the URL of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{host}:{port}"


def public_site(origin: str, url: str) -> Site:
    """Returns where browsers use passkeys: the origin that the settings name, else localhost where a server listens.

    Raises:
        InvalidInputError: `origin-unusable`.
        UnavailableError: `no-server`: neither is there.
    """
    if origin:
        return Site.parse(origin)
    if not url:
        text = "a passkey is used in a browser, on a running server's page"
        raise UnavailableError(text, code="no-server", remedy="safeconduct serve")
    parts = urlsplit(url)
    local = ip_address(parts.hostname or "").is_loopback
    return Site.parse(f"{parts.scheme}://localhost:{parts.port}" if local else url)


_UNHEARD: Mapping[int, tuple[str, str]] = {
    errno.EADDRINUSE: ("address-in-use", "choose another with --port"),
    errno.EACCES: ("address-unusable", "choose a port above 1023 with --port, which needs no privilege"),
}
"""What is told of an address that can't be listened on, by why not."""

_NO_ADDRESS = ("address-unusable", "name an address of this machine with --host, such as 127.0.0.1")


def _socket(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        code, remedy = _UNHEARD.get(error.errno or 0, _NO_ADDRESS)
        raise UnavailableError(f"cannot listen on {host}:{port}: {error.strerror}", code=code, remedy=remedy) from error
    listener.setblocking(False)  # noqa: FBT003 - its signature
    return listener
