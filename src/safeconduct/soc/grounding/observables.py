"""Observables in free text: what must occur in the cited events, or the text says more than they do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "url": re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]+"),
    "uuid": re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    "cve": re.compile(r"\bCVE-\d{4}-\d{4,}\b", re.IGNORECASE),
    "technique": re.compile(r"\bT\d{4}(?:\.\d{3})?\b"),
    "hash": re.compile(r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})\b"),
    "path": re.compile(r"(?<![\w.:/\\-])(?:~?/[\w.@+~-]+(?:/[\w.@+~-]*)*|[A-Za-z]:\\[^\s\"'<>]+)"),
    "ip": re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(?![\w:])"),
    "account": re.compile(r"(?<![\w.@])[\w.+$-]+@[\w.-]+\w"),
    "domain": re.compile(r"(?<![\w.@/-])(?:[A-Za-z0-9_](?:[\w-]*\w)?\.)+[A-Za-z][\w-]*\w"),
    "host": re.compile(r"(?<![\w./@-])[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*-?\d+(?![\w.-]*\w)"),
    "quoted": re.compile(r"[\"'`“]([^\"'`”]+)[\"'`”]"),
    "named": re.compile(
        r"\b(?:user|account|login|host|hostname|machine|rule|process)(?:\s*[:=]\s*|\s+)([\w.$@+-]*\w)", re.IGNORECASE
    ),
}
"""What counts as an observable, by kind. Where a kind has a group, the group is it."""

_FOLLOWS_A_NOUN = frozenset(
    {"a", "account", "also", "and", "are", "as", "at", "by", "created", "did", "does", "for", "from", "had", "has"}
    | {"have", "he", "in", "into", "is", "it", "logged", "login", "logs", "name", "named", "of", "on", "or", "ran"}
    | {"she", "started", "that", "the", "then", "there", "they", "this", "to", "used", "was", "were", "which", "who"}
)
"""Words that may follow "user" or "host" in a sentence without naming one."""


@dataclass(frozen=True, slots=True, order=True)
class Observable:
    """Something in a text that names a thing in the world."""

    kind: str
    value: str


def observables(text: str) -> frozenset[Observable]:
    """Returns the observables of a text."""
    found: set[Observable] = set()
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            value = match.group(pattern.groups).rstrip(".,;:!?)")
            if _is_one(kind, value):
                found.add(Observable(kind, value))
    return frozenset(found)


def ungrounded(text: str, *, cited: Iterable[str], named: Iterable[str]) -> tuple[Observable, ...]:
    """Returns the observables of a text that occur in none of the cited values, sorted.

    `named` are names known in the incident (users, hosts): a word of the text that is one is an observable as well.
    """
    words = {word.casefold() for word in re.findall(r"[\w.$@+-]*\w", text)}
    known = {Observable("name", name) for name in named if name.casefold() in words}
    values = [value.casefold() for value in cited]
    return tuple(sorted(one for one in observables(text) | known if not any(_occurs(one, value) for value in values)))


def _is_one(kind: str, value: str) -> bool:
    if kind == "ip":
        try:
            ip_address(value)
        except ValueError:
            # Four numbers that are no address still name something, such as a version.
            return value.count(".") == 3  # noqa: PLR2004 - dots of an IPv4 address
        return True
    return bool(value) and not (kind == "named" and value.casefold() in _FOLLOWS_A_NOUN)


def _occurs(observable: Observable, value: str) -> bool:
    # As a whole: 10.0.0.1 does not occur in 110.0.0.12, nor /etc/passwd in /mnt/etc/passwd.
    text = re.escape(observable.value.casefold())
    before, after = (
        (r"(?<![\w./\\~-])", r"(?![\w/\\-]|\.\w)")
        if observable.kind == "path"
        else (r"(?<![\w-])(?<!\w\.)", r"(?![\w-]|\.\w)")
    )
    return re.search(before + text + after, value) is not None
