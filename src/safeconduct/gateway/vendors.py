"""What each vendor wants in a body that no caller may say: who asks, under which program, in which version.

A person's identifier is derived here (docs/spec/vendors.md section 3): the same for one person at one vendor, and at
two vendors two that nobody links without the installation's secret.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import msgspec

from safeconduct.kernel.errors import UnavailableError

SAFETY_ID_HEX = 40
"""Hex digits of an identifier: 160 bits, and within the 64 characters that every vendor takes."""

IDENTIFIERS_KEPT_MAX = 4096
"""Identifiers that are kept: the same people call again and again."""

_CHAT, _RESPONSES, _EMBEDDINGS = "openai.chat", "openai.responses", "openai.embeddings"
_MESSAGES, _COUNT = "anthropic.messages", "anthropic.count-tokens"

CALLERS_OWN: Mapping[str, tuple[str, ...]] = {
    _CHAT: ("user", "safety_identifier"),
    _RESPONSES: ("user", "safety_identifier"),
    _EMBEDDINGS: ("user",),
    _MESSAGES: ("metadata",),
    _COUNT: ("metadata",),
}
"""By dialect: the members by which a caller says who asks. They never go on."""

Place = tuple[str, ...]
Members = Mapping[str, bytes | None]
"""Members of a body by name: JSON that is set whatever the caller said, or None for one that is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """One vendor's wants. Places are by dialect; a place of two names is a member of a member."""

    safety: Mapping[str, Place] = field(default_factory=dict)
    program: Mapping[str, Place] = field(default_factory=dict)
    fixed: Members = field(default_factory=dict)


_USER: Mapping[str, Place] = {_CHAT: ("user",), _RESPONSES: ("user",), _EMBEDDINGS: ("user",)}
_PERSON: Mapping[str, Place] = {_MESSAGES: ("metadata", "user_id")}

WANTS: Mapping[str, Wants] = {
    "openai": Wants(
        safety={_CHAT: ("safety_identifier",), _RESPONSES: ("safety_identifier",), _EMBEDDINGS: ("user",)},
        program={_RESPONSES: ("access_programs", "cyber")},
    ),
    "azure-openai": Wants(safety=_USER),
    "anthropic": Wants(safety=_PERSON),
    "vertex": Wants(safety=_PERSON, fixed={"model": None, "anthropic_version": b'"vertex-2023-10-16"'}),
    "bedrock": Wants(fixed={"model": None, "stream": None, "anthropic_version": b'"bedrock-2023-05-31"'}),
}
"""By vendor. Where one documents no place for an identifier it gets none, unless the operator names a header."""

_NONE = Wants()


def vendor_key(secret: bytes, vendor: str) -> bytes:
    """Returns the key that a vendor's identifiers are made with."""
    return hmac.digest(secret, b"safeconduct/safety-id/v1\0" + vendor.encode(), "sha256")


@lru_cache(maxsize=IDENTIFIERS_KEPT_MAX)
def safety_id(key: bytes, principal: str) -> str:
    """Returns the identifier of a person at the vendor whose key it is; without a key there is none."""
    return hmac.digest(key, principal.encode(), "sha256").hex()[:SAFETY_ID_HEX] if key else ""


@lru_cache(maxsize=IDENTIFIERS_KEPT_MAX)
def members(vendor: str, dialect: str, identifier: str, program: str, headers: frozenset[str]) -> Members:
    """Returns what is set in a body for a vendor, and left out of it. `headers` are what it takes in headers.

    The same people ask for the same again and again, so that what is returned is kept, and read only.

    Raises:
        UnavailableError: `program-unplaced`: the model's program has to be told, and there is no place for it.
    """
    wants = WANTS.get(vendor, _NONE)
    found: dict[str, bytes | None] = dict.fromkeys(CALLERS_OWN[dialect], None)
    found.update(wants.fixed)
    if dialect == _COUNT:
        found.pop("model", None)  # the address names the counting; the body says for which model
    if identifier and dialect in wants.safety:
        _place(found, wants.safety[dialect], identifier)
    if program and dialect in wants.program:
        _place(found, wants.program[dialect], program)
    elif program and "program" not in headers:
        raise UnavailableError(
            "this model is used under an access program, whose name its vendor takes nowhere in this dialect",
            code="program-unplaced",
            remedy="ask in a dialect that has a place for it, or the operator names a header: program-header",
        )
    return MappingProxyType(found)


def _place(found: dict[str, bytes | None], place: Place, value: str) -> None:
    name, *inner = place
    found[name] = msgspec.json.encode({inner[0]: value} if inner else value)
