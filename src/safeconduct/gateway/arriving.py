"""Steps 1 and 2: who asks, on which path, on headers alone."""

import re
from collections.abc import Collection, Mapping

import msgspec

from safeconduct.access.data_handling import PLAIN_CLASS, UNLABELED
from safeconduct.access.floor import UNFREEZING
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.standing import Standing
from safeconduct.access.target_rules import Place
from safeconduct.boundary.model import Hint
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import HEADER_VALUE_BYTES_MAX
from safeconduct.gateway.targets import NO_TARGETS
from safeconduct.gateway.terms import JSON
from safeconduct.kernel.errors import RefusedError, SafeconductError, UnauthenticatedError
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant

_WORD = re.compile(r"[A-Za-z0-9._:/-]*")


MISUSED = frozenset({"token-not-held", "token-unbound", "proof-invalid", "proof-used"})
"""What is told of a token that is somebody's and was sent in a way that it must not: it may have been taken."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came in. A header that did not come is empty.

    `dialect` is what its route speaks. Without one nothing can be read, and the request is refused.
    `trace` is the caller's `traceparent`, as it came; `client` the address it came from, empty where there is none.
    `principal` is set by callers in this process that act for one; nothing from outside can set it.
    `nonce` is hex of random bytes that nobody knew before it came.
    `approval` is the one that lets the answer go which this request had before.
    `judged` is what the machine's classifier says of it, None before it was asked.
    `holds` is what the sender showed to hold (access/possession.py); `unproven` is why a proof it sent shows nothing.
    """

    path: PathId
    at: Instant
    dialect: str = ""
    version: str = ""
    betas: str = ""
    token: str = ""
    principal: PrincipalId | None = None
    holds: tuple[str, ...] = ()
    unproven: SafeconductError | None = None
    purpose: str = ""
    session: str = ""
    grant: str = ""
    approval: str = ""
    content_type: str = JSON
    content_encoding: str = ""
    trace: str = ""
    client: str = ""
    nonce: str = ""
    judged: tuple[Hint, ...] | None = None

    def __repr__(self) -> str:  # without the token
        return f"Arrival(path={self.path!r}, at={self.at!r}, dialect={self.dialect!r})"


class Admitted(msgspec.Struct, frozen=True):
    """Steps 1 and 2 passed, on a standing."""

    principal: Principal
    path: SealedPath
    standing: Standing


def identify(standing: Standing, arrival: Arrival) -> Principal:
    """Step 1: returns who asks.

    Raises:
        UnauthenticatedError: no token, or none that holds, or it is bound to what its sender does not hold.
        LimitedError: `proofs-too-many`.
    """
    if arrival.principal is not None:
        principal = standing.principals.get(arrival.principal)
        if principal is None:
            raise UnauthenticatedError(
                f"no principal {arrival.principal!r} is in the program", code="principal-unknown"
            )
        return principal
    if not arrival.token:
        raise UnauthenticatedError(
            "expected the header: Authorization: Bearer TOKEN",
            code="token-missing",
            remedy="give the client a token from `safeconduct token issue` as its API key",
        )
    if arrival.unproven is not None:
        raise arrival.unproven
    return standing.identify(arrival.token, arrival.at, arrival.holds)


def misused(standing: Standing, arrival: Arrival, error: SafeconductError) -> Principal | None:
    """Returns whose token was misused, so that the refusal names them; None where that is not what happened."""
    return standing.owner(arrival.token) if error.code in MISUSED else None


def sign_in_tier(standing: Standing, arrival: Arrival) -> int | None:
    """Returns the tier up to which the caller's sign-in counts; None where a key or this process speaks for it."""
    return standing.sign_in_tier(arrival.token) if arrival.token and arrival.principal is None else None


def admit(standing: Standing, arrival: Arrival) -> Admitted:
    """Steps 1 and 2, on headers alone: cheap, and what limits the body that is then read.

    Raises:
        UnauthenticatedError: no token, or none that holds.
        AbsentError: no such path, or none for this caller.
        RefusedError: a freeze stands against it.
    """
    return resolved(standing, identify(standing, arrival), arrival)


def resolved(standing: Standing, principal: Principal, arrival: Arrival) -> Admitted:
    """Step 2: returns the path that the caller asks on.

    Raises:
        AbsentError: no such path, or none for this caller.
        RefusedError: a freeze stands against it.
    """
    path = standing.resolve(principal.id, arrival.path)
    freeze = standing.frozen_early(principal, path, arrival.token)
    if freeze is not None:
        raise RefusedError(
            f"{freeze.selector} is frozen: {freeze.reason}",
            code="frozen",
            clause=f"freeze:{freeze.id}",
            remedy=UNFREEZING,
        )
    return Admitted(principal, path, standing)


def check_words(arrival: Arrival) -> None:
    """Returns if the headers that decide something are words.

    Raises:
        DialectError: `header-invalid`.
    """
    if not (arrival.purpose or arrival.session or arrival.grant or arrival.approval):
        return
    for name in ("purpose", "session", "grant", "approval"):
        value = getattr(arrival, name)
        if len(value) > HEADER_VALUE_BYTES_MAX or not _WORD.fullmatch(value):
            raise DialectError(
                f"safeconduct-{name} must be a name of up to {HEADER_VALUE_BYTES_MAX} letters, digits and . _ : / -",
                code="header-invalid",
                param=f"safeconduct-{name}",
            )


def decision_request(
    arrival: Arrival,
    principal: Principal,
    path: SealedPath,
    model: str,
    targets: Mapping[str, Place] = NO_TARGETS,
    *,
    token: str = "",
    data_classes: Collection[str] = (),
) -> CallRequest:
    """Returns what step 6 decides: who asks for which model, under what, about which targets; `token` as in it.

    Without `data_classes` it is a call in which nothing was found, or, where nobody looks, anything may be.
    """
    return CallRequest(
        principal=principal.id,
        path=path.id,
        purpose=arrival.purpose or path.purpose,
        model=model,
        now=arrival.at,
        grant=GrantId(arrival.grant) if arrival.grant else None,
        targets=targets,
        session=arrival.session,
        token=token,
        data_classes=tuple(data_classes) or ((PLAIN_CLASS,) if path.inspected else (UNLABELED,)),
    )
