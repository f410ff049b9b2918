"""Step 5: finds the targets a request speaks of, and where they stand (docs/spec/scope.md section 3).

Whether a scope covers them is access' to say. Pure and bounded: linear in the texts, whatever they hold.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from safeconduct.access.assets import CloudAccount
from safeconduct.access.target_rules import Place
from safeconduct.gateway.plain_text import plain
from safeconduct.gateway.target_values import documents, targets_of_values
from safeconduct.gateway.target_words import ENCODED_MIN, NOTHING, in_prose

# Each begins with one character, which the engine looks for as fast as memory allows.
_DOTTED = re.compile(r"\.\w")
_COLONS = re.compile(r":(?:[0-9a-fA-F]{0,4}:|//)")
# Short words, possessively, so that each character is read once; then so many that it could be a hash or base64.
_LONG_WORD = re.compile(rf"(?:[^ ]{{0,{ENCODED_MIN - 1}}}+ )*+[^ ]{{{ENCODED_MIN}}}")
_ACCOUNT = re.compile(r"account\D{0,24}(?<!\d)(\d{4})[- ]?(\d{4})[- ]?(\d{4})(?!\d)", re.IGNORECASE | re.ASCII)
NO_TARGETS: Mapping[str, Place] = {}


def find_targets(texts: Sequence[str], arguments: Sequence[Any] = ()) -> Mapping[str, Place]:
    """Returns the distinct targets of a request in one spelling, each with the first place that it has.

    `texts` is every text in it; `arguments`, among them, are what tools are called with.
    """
    text = plain(" ".join(texts))
    found = _in_words(text) if _may_hold_targets(text) else {}
    if "ccount" in text:
        found = {str(CloudAccount("aws", "".join(one))): Place.PROSE for one in _ACCOUNT.findall(text)} | found
    if "{" in text or "[" in text:
        called = {one for one in arguments if isinstance(one, str)}
        said = targets_of_values(documents(one for one in texts if one not in called))
        found |= dict.fromkeys(said, Place.STRUCTURED)
    if arguments:
        found |= dict.fromkeys(targets_of_values(arguments), Place.ARGUMENT)
    return {target: found[target] for target in sorted(found)} if found else NO_TARGETS


def _in_words(text: str) -> dict[str, Place]:
    found: dict[str, Place] = {}
    firm: set[str] = set()
    # A target holds a dot, two colons or many characters; most words have none of it, and the patterns never see them.
    for word in set(text.split()):
        if "." in word or len(word) >= ENCODED_MIN or ((":" in word or "\\" in word) and _marked(word)):
            targets = in_prose(word)
            if targets is not NOTHING:
                found.update(dict.fromkeys(targets.loose, Place.PROSE))
                firm |= targets.firm
    return found | dict.fromkeys(firm, Place.STRUCTURED) if firm else found


def _marked(word: str) -> bool:
    return (":" in word and (word.count(":") > 1 or "//" in word)) or "\\\\" in word


def _may_hold_targets(text: str) -> bool:
    """Tells whether a text is worth being taken apart: most that people write is not."""
    return bool(_DOTTED.search(text) or _COLONS.search(text) or _LONG_WORD.match(text)) or "\\\\" in text
