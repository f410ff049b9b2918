"""What a vendor does to a call besides answering it: refusals, reroutes, slow-downs, safety notices.

A notice is a kind, a reason out of our own list and whose act it was. Never a vendor's free text: that is sealed with
the answer it came in.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

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


NOTICES_MAX = 8
"""Notices of one call that are kept. Each kind has a handful of reasons; more are repetitions."""

MODEL_NAME_MAX = 128
"""Characters of the model's name that an answer may bear for it to be compared. Longer ones are no names."""


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


_SLOWED: Mapping[int, str] = {429: "rate-limited", 503: "unavailable", 529: "overloaded"}
_FORBIDDEN = 403
_REMAINING = tuple(name for name in sorted(HEADERS) if "remaining" in name)
_REFUSALS: Mapping[str, str] = {
    "content_filter": "content-filter",
    "responsibleaipolicyviolation": "content-filter",
    "content_policy_violation": "content-filter",
    "image_content_policy_violation": "content-filter",
    "invalid_prompt": "invalid-prompt",
    "cyber_policy": "cyber",
    "bio_policy": "bio",
    "misalignment_policy_violation": "misalignment",
}
_SAFETY = frozenset(("cyber", "bio", "misalignment"))
_NAMED_VENDORS = frozenset(("openai", "azure-openai", "anthropic", "vertex", "bedrock"))
_DATED = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8})(-v\d+(:\d+)?)?")


class _Error(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None
    innererror: "_Error | None" = None


class _Refusal(msgspec.Struct):
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Refusal).decode


def refused(reason: str) -> tuple[VendorNotice, ...]:
    """Returns what a refusal for a reason is: also a safety notice, where the vendor's policy on misuse decided."""
    found = VendorNotice(NoticeKind.REFUSAL, reason)
    return (found, VendorNotice(NoticeKind.SAFETY, reason)) if reason in _SAFETY else (found,)


def at_head(status: int, headers: Mapping[str, str]) -> tuple[VendorNotice, ...]:
    """Returns what a head says: that the caller is too fast, or that this was the last request for now."""
    if status in _SLOWED:
        return (VendorNotice(NoticeKind.SLOW_DOWN, _SLOWED[status]),)
    if not headers:
        return ()
    exhausted = any(headers.get(name, "").strip() == "0" for name in _REMAINING)
    return (VendorNotice(NoticeKind.SLOW_DOWN, "rate-exhausted"),) if exhausted else ()


def in_refusal(status: int, body: bytes) -> tuple[VendorNotice, ...]:
    """Returns what an answer that is no success says by its codes. Its texts are not read."""
    try:
        error = _decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = None
    codes = (error.code, error.type, error.innererror.code if error.innererror else None) if error else ()
    reason = next((_REFUSALS[str(code).lower()] for code in codes if str(code).lower() in _REFUSALS), "")
    if reason:
        return refused(reason)
    return refused("forbidden") if status == _FORBIDDEN else ()


def rerouted(vendor: str, pinned: Collection[str], answered: str | None) -> tuple[VendorNotice, ...]:
    """Returns that another model answered than one of those that the request stood for. A date after a name is none.

    Who serves models under names of their own says nothing by them, so that only known vendors are compared.
    """
    if vendor not in _NAMED_VENDORS or answered is None:
        return ()
    if len(answered) <= MODEL_NAME_MAX and any(_same(name, answered) for name in pinned):
        return ()
    return (VendorNotice(NoticeKind.REROUTE, "other-model"),)


def _same(asked: str, answered: str) -> bool:
    longer, shorter = (answered, asked) if len(answered) > len(asked) else (asked, answered)
    return longer.startswith(shorter) and (longer == shorter or _DATED.fullmatch(longer, len(shorter)) is not None)


def merged(*found: Collection[VendorNotice]) -> tuple[VendorNotice, ...]:
    """Returns notices each once, in the order they came, so many as are kept."""
    if not any(found):
        return ()
    return tuple(dict.fromkeys(notice for some in found for notice in some))[:NOTICES_MAX]
