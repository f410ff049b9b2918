"""Ids that can't be mistaken for each other, and the ULID form most of them take."""

from functools import lru_cache
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
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # ten bits at a time: ids are made by the thousand
ULID_LENGTH = 26
ENTROPY_BYTES = 10


def ulid(at: Instant, entropy: bytes) -> str:
    """Returns the ULID of an instant (milliseconds) and 10 bytes of entropy.

    Raises:
        InvalidInputError: the entropy is not 10 bytes.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise InvalidInputError(f"a ULID takes {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    return ulid_text((at // 1000) << 80 | int.from_bytes(entropy))


def ulid_text(number: int) -> str:
    """Returns the text of a ULID's 128-bit number; texts sort as their numbers do."""
    return _head(number >> 20) + _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]


@lru_cache(maxsize=16)  # ids of one millisecond count up: all but their ends is the same
def _head(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(100, -1, -10)])


def ulid_number(text: str) -> int:
    """Returns the 128-bit number of a ULID."""
    number = 0
    for letter in text:
        number = number << 5 | _ALPHABET.index(letter)
    return number


def begins_ulid(text: str) -> bool:
    """Tells whether a ULID may begin so, or be this."""
    return len(text) <= ULID_LENGTH and all(letter in _ALPHABET for letter in text)


def ulid_instant(text: str) -> Instant:
    """Returns when a ULID was made, to the millisecond."""
    return Instant((ulid_number(text) >> 80) * 1000)


def is_ulid(text: str) -> bool:
    """Tells whether the text has the form of a ULID."""
    return len(text) == ULID_LENGTH and text[0] <= "7" and begins_ulid(text)
