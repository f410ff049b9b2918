"""How an identity provider's request reaches what answers it, and what comes back: SCIM as bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.ports import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRequest:
    """A request of an organization's directory. `path` follows `base_url`; `secret` is what it shows, unchecked."""

    organization: str
    method: str
    base_url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    secret: str = field(repr=False)
    body: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryAnswer:
    """What is answered. `receipts` are of what it made durable."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    receipts: Sequence[Receipt] = ()


AnswerDirectory = Callable[[DirectoryRequest], DirectoryAnswer]
"""Answers, on the thread that asks. Whatever is wrong with a request is told in SCIM's form (RFC 7644 section 3.12).

Raises:
    UnavailableError: `extra-missing`: the packages that speak SCIM are not installed.
"""
