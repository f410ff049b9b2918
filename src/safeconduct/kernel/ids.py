"""Ids that can't be mistaken for each other, and the ULID form most of them take."""

from typing import NewType

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant

Origin = NewType("Origin", str)  # a log's name, C2SP tlog-checkpoint: a URL without scheme
EntryId = NewType("EntryId", str)  # ULID
CallId = NewType("CallId", str)  # ULID; also the id of the call's intent entry
OrganizationId = NewType("OrganizationId", str)  # name in the program file
AgreementId = NewType("AgreementId", str)  # name in the program file
PrincipalId = NewType("PrincipalId", str)  # name in the program file
PathId = NewType("PathId", str)  # name in the program file
GrantId = NewType("GrantId", str)  # name in the program file, or ULID
FreezeId = NewType("FreezeId", str)  # ULID
ApprovalId = NewType("ApprovalId", str)  # ULID of the draft
EventId = NewType("EventId", str)  # 32 hex digits, content-derived
IncidentId = NewType("IncidentId", str)  # content-derived
ClaimId = NewType("ClaimId", str)  # content-derived
ActionId = NewType("ActionId", str)  # ULID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_LENGTH = 26
ENTROPY_BYTES = 10


def ulid(at: Instant, entropy: bytes) -> str:
    """Returns the ULID of an instant (milliseconds) and 10 bytes of entropy.

    Raises:
        InvalidInputError: the entropy is not 10 bytes.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise InvalidInputError(f"a ULID takes {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    number = (at // 1000) << 80 | int.from_bytes(entropy)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_ulid(text: str) -> bool:
    """Tells whether the text has the form of a ULID."""
    return len(text) == ULID_LENGTH and text[0] <= "7" and all(letter in _ALPHABET for letter in text)
