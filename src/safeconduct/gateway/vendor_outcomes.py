"""What a vendor does to a call besides answering it: refusals, reroutes, slow-downs, safety notices.

A notice is a kind, a reason out of our own list and whose act it was. Never a vendor's free text: that is sealed with
the answer it came in.
"""

from dataclasses import dataclass
from enum import StrEnum

VENDOR = "vendor"
"""The owner of every notice: not we, not the program, not the caller."""

HEADERS = frozenset(
    (
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-tokens-remaining",
        "x-should-retry",
    )
)
"""The header names of an upstream's answer that are kept, in lower case. All others end at the adapter."""


class NoticeKind(StrEnum):
    """What the vendor did."""

    REFUSAL = "refusal"  # the model or the vendor's policy declined
    REROUTE = "reroute"  # another model answered than the one asked for
    SLOW_DOWN = "slow-down"  # over a rate, or overloaded
    SAFETY = "safety"  # the vendor says something about this use of it


@dataclass(frozen=True, slots=True)
class VendorNotice:
    """One thing that a vendor did to a call."""

    kind: NoticeKind
    reason: str
    owner: str = VENDOR
