"""What a request's sender showed to hold: the certificate of its connection, and the key of a proof it sent.

Asked only for requests that come with either, so that others pay nothing.
"""

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable

from safeconduct.access.possession import PROOF_AGE_MAX, Asked, Proof, bound_to_certificate, check_proof
from safeconduct.http.asgi import Scope
from safeconduct.http.connection import KEY, BoundedConnection
from safeconduct.kernel.errors import LimitedError, UnauthenticatedError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock

PROOFS_KEPT_MAX = 200_000
"""Proofs of the last minutes that one process keeps in mind: 1,500 requests a second, some 40 MB. Then it refuses."""

PROOFS_OF_KEY_MAX = 20_000
"""Of these at most so many are of one key, 160 requests a second: whoever holds one can't use up everybody's."""

HELD = "safeconduct.held"
"""Where a request's scope says what its sender holds, for routes behind the gateway's."""

_PROOF = b"dpop"


class Holding:
    """Reads proofs and certificates, and takes each proof once. For one loop.

    `bound` returns what a token is bound to. Proofs that a token needs are kept in mind for as long as they can be of
    now; those of others show nothing that anything depends on, and who has no token fills nothing.
    """

    def __init__(self, clock: Clock, bound: Callable[[str], Awaitable[str]]) -> None:
        self._clock = clock
        self._bound = bound
        self._seen: OrderedDict[tuple[str, str], Instant] = OrderedDict()  # by key and id; until when, about ascending
        self._of_key: Counter[str] = Counter()

    async def of(self, scope: Scope, token: str = "") -> tuple[str, ...]:
        """Returns what the sender of a request holds; nothing where it showed nothing.

        Raises:
            UnauthenticatedError: `proof-invalid`, `proof-used`.
            LimitedError: `proofs-too-many`.
            SafeconductError: what `bound` raised.
        """
        connection = scope.get(KEY)
        der = connection.certificate if isinstance(connection, BoundedConnection) else b""
        shown = (bound_to_certificate(der),) if der else ()
        proofs = [value for name, value in scope["headers"] if name == _PROOF]
        if not proofs:
            return shown
        if len(proofs) > 1:
            raise UnauthenticatedError("the header dpop came twice", code="proof-invalid", remedy="send it once")
        now = self._clock.now()
        held, proof = check_proof(proofs[0].decode("latin-1"), _asked(scope, token), now)
        if token and await self._bound(token) == held:
            self._take(held, proof, now)
        return (*shown, held)

    def _take(self, held: str, proof: Proof, now: Instant) -> None:
        self._forget(now)
        if (held, proof.jti) in self._seen:
            raise UnauthenticatedError(
                "this proof of possession was used before", code="proof-used", remedy="make one for each request"
            )
        if len(self._seen) >= PROOFS_KEPT_MAX or self._of_key[held] >= PROOFS_OF_KEY_MAX:
            raise LimitedError("too many proofs came within a minute", code="proofs-too-many", retry_after_s=60)
        # A clock that is ahead by the most makes a proof that is of now for twice as long.
        self._seen[held, proof.jti] = Instant(now + 2 * PROOF_AGE_MAX)
        self._of_key[held] += 1

    def _forget(self, now: Instant) -> None:
        while self._seen and next(iter(self._seen.values())) < now:
            (held, _), _ = self._seen.popitem(last=False)
            self._of_key[held] -= 1
            if not self._of_key[held]:
                del self._of_key[held]


def _asked(scope: Scope, token: str) -> Asked:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    path = scope.get("raw_path") or scope["path"].encode()
    return Asked(method=scope["method"], address=(b"".join(hosts[:1]) + path).decode("latin-1"), token=token)
