"""Domain names in one spelling: A-labels, lower case, no final dot (RFC 1035, RFC 5890, UTS 46).

What resolvers and libraries read in different ways is no name at all here, so that no scope covers it.
"""

import re

import idna

NAME_LENGTH_MAX = 253
"""Characters of a domain name without its final dot (RFC 1035)."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# The last label of a name is never a number: what ends in one is an address, however it is written (WHATWG URL).
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
# IDNA 2003 maps these to others or to nothing, IDNA 2008 keeps them: two resolvers, two hosts.
_READ_DIFFERENTLY = frozenset("\u00df\u03c2\u200c\u200d\u1e9e")


def canonical_name(text: str) -> str | None:
    """Returns a name in its one spelling, with a leading `*.` where it had one; None where it is none."""
    wildcard, rest = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    name = rest.lower() if rest.isascii() else _encoded(rest)
    if name is None:
        return None
    name = name.removesuffix(".")
    if len(wildcard + name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        return None
    return None if _NUMBER.fullmatch(name.rpartition(".")[2]) else wildcard + name


def parents(name: str) -> list[str]:
    """Returns the names above a name, nearest first."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


def _encoded(text: str) -> str | None:
    if len(text) > NAME_LENGTH_MAX or _READ_DIFFERENTLY.intersection(text):
        return None
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return None
