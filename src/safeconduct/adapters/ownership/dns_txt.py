"""Challenges by DNS: a TXT record under `_safeconduct-challenge` in the asset's own zone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safeconduct.access.ownership import Question, Seen

if TYPE_CHECKING:
    from dns.resolver import Resolver

LABEL = "_safeconduct-challenge"

TIMEOUT_S = 5.0
"""Seconds for one look-up, its retries and resolvers included. Who waits for it looks again."""


class TxtLookup:
    """Asks resolvers: those of the machine, or those that are named, each as address and port."""

    def __init__(self, resolvers: Sequence[tuple[str, int]] = (), *, timeout_s: float = TIMEOUT_S) -> None:
        self._resolvers = tuple(resolvers)
        self._timeout_s = timeout_s

    def look(self, question: Question) -> Seen:
        """Returns whether the record has the text. Looks nothing up but that one name, and keeps no answer."""
        import dns.exception  # noqa: PLC0415 - 2 MB; most servers look no challenge up
        import dns.resolver  # noqa: PLC0415 - as above

        name = f"{LABEL}.{question.asset}"
        where = f"TXT {name}"
        try:  # with the label before it, a long name may be none
            answer = self._resolver().resolve(f"{name}.", "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Seen("record-missing", "", where)
        except dns.exception.DNSException as error:
            return Seen("dns-failed", type(error).__name__, where)
        texts = [b"".join(record.strings).decode("ascii", "backslashreplace") for record in answer]
        where = f"{where} by {answer.nameserver}"
        if question.text in texts:
            return Seen("", question.text, where)
        return Seen("record-differs", " | ".join(texts), where)

    def _resolver(self) -> "Resolver":
        import dns.resolver  # noqa: PLC0415 - as in `look`

        resolver = dns.resolver.Resolver(configure=not self._resolvers)
        if self._resolvers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in self._resolvers]
        resolver.lifetime = self._timeout_s
        return resolver
