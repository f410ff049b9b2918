"""Challenges by HTTP: a file below the asset's own address, fetched so that nobody can aim the fetch elsewhere."""

import http.client
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import IPPROTO_TCP, getaddrinfo
from typing import NamedTuple
from urllib.parse import urlsplit

from safeconduct.access.ownership import Question, Seen
from safeconduct.adapters.outbound import exchange

WELL_KNOWN = "/.well-known/safeconduct-challenge/"

FILE_BYTES_MAX = 1_024
"""Bytes of a file. The text takes some 300."""

TIMEOUT_S = 10.0
"""Seconds for the whole fetch, from the first byte sent to the last received."""

OK = 200

_UNICAST = IPv6Network("2000::/3")
"""All IPv6 addresses that are given out (RFC 4291 section 2.4). What lies elsewhere leads into a network of its own."""

_RELAYED = IPv6Network("2002::/16")
"""6to4 (RFC 7526): each leads to an IPv4 address, whichever that is, and nobody needs it any more."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): each is one IPv4 address, and as public as that. Networks without IPv4 reach all of it so."""

Resolve = Callable[[str, int], Sequence[str]]


class _Fetched(NamedTuple):
    problem: str
    body: str


def resolved(host: str, port: int) -> Sequence[str]:
    """Returns the addresses of a host, as the machine knows them."""
    return sorted({str(found[4][0]) for found in getaddrinfo(host, port, proto=IPPROTO_TCP)})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFetch:
    """Fetches over the scheme of the challenge, from its usual port, and follows no redirect.

    The host's addresses are looked up once, all of them must be public unless `private` allows others, and the
    connection goes to the first of them: what the name means a moment later does not matter.
    """

    private: bool = False
    ports: Mapping[str, int] = field(default_factory=lambda: {"https": 443, "http": 80})
    resolve: Resolve = resolved
    context: ssl.SSLContext | None = None
    timeout_s: float = TIMEOUT_S

    def look(self, question: Question) -> Seen:
        """Returns whether the file has the text, spaces around it left out."""
        host = f"[{question.asset}]" if ":" in question.asset else question.asset
        where = f"{question.scheme}://{host}{WELL_KNOWN}{question.token}"
        port = self.ports[question.scheme]
        try:
            addresses = self.resolve(question.asset, port)
        except OSError as error:
            return Seen("name-unresolved", str(error), where)
        if not addresses or (not self.private and not all(map(_is_public, addresses))):
            return Seen("address-not-public", ", ".join(addresses), where)
        fetched = self._fetch(where, port, addresses[0])
        where = f"{where} at {addresses[0]}"
        if fetched.problem:
            return Seen(fetched.problem, fetched.body, where)
        return Seen("" if fetched.body.strip() == question.text else "file-differs", fetched.body, where)

    def _fetch(self, url: str, port: int, address: str) -> _Fetched:
        parts = urlsplit(url)
        where = parts._replace(netloc=f"{parts.netloc}:{port}")
        try:
            answered = exchange(
                where,
                "GET",
                parts.path,
                headers={"accept": "text/plain", "connection": "close"},
                timeout_s=self.timeout_s,
                answer_bytes_max=FILE_BYTES_MAX,
                context=self.context,
                address=address,
            )
        except (OSError, http.client.HTTPException) as error:
            return _Fetched("file-unreachable", str(error))
        if answered.status != OK:  # a redirect too: it would be somebody else's word
            return _Fetched(f"file-answered-{answered.status}", answered.headers.get("location", ""))
        if len(answered.body) > FILE_BYTES_MAX:
            return _Fetched("file-too-large", "")
        return _Fetched("", answered.text)


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or (IPv4Address(int(found) & 0xFFFF_FFFF) if found in _TRANSLATED else None)
        if inner is None and (found not in _UNICAST or found in _RELAYED):
            return False
        found = inner or found
    return found.is_global and not found.is_multicast
