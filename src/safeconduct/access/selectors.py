"""How selectors are written: `all`, or terms such as `model:x`, `!nationality:us`, joined by `&`.

docs/spec/freeze.md section 1 is the grammar. Each selection has one spelling, so that equal ones are equal.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace

from safeconduct.access.model.stops import Selection, Selector, SelectorKind
from safeconduct.kernel.errors import InvalidInputError

TERMS_MAX = 8
"""Terms of one selection: more than anybody can think through while something burns."""

SELECTOR_LENGTH_MAX = 512
"""Characters of one selection. It stands in every refusal that it causes."""

TAG_SECRET_BYTES = 32
"""Bytes of the secret that tags are made with: as many as its hash gives."""

PLACE = r"[a-z]{2}|x-[a-z2-7]{26}"
"""A country by ISO 3166-1 alpha-2, in lower case, or a tag that does not show which."""

PLACE_FORM = "two lower-case letters of ISO 3166-1, such as fr, or a tag such as x-..."

_NAME, _NAME_FORM = r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", "a name"
_FORMS: Mapping[SelectorKind, tuple[str, str]] = {
    SelectorKind.JURISDICTION: (PLACE, PLACE_FORM),
    SelectorKind.NATIONALITY: (PLACE, PLACE_FORM),
    SelectorKind.MODEL: (r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", "a model's name, version or alias"),
    SelectorKind.TIER: (r"[0-9]\+?", "a tier such as 2, or 2+ for that and above"),
    SelectorKind.KEY: (
        r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}",
        "a public key (ed25519:...), a token's id, or the key_id of an upstream",
    ),
}
_ORDER = {kind: place for place, kind in enumerate(SelectorKind)}


def parse_selector(text: str) -> Selector:
    """Reads `kind:name` or `all`.

    Raises:
        InvalidInputError: `selector-invalid`: it is none of them, with what was expected.
    """
    word, colon, name = text.partition(":")
    kinds = [kind.value for kind in SelectorKind]
    if text == SelectorKind.ALL:
        return Selector(SelectorKind.ALL)
    if word not in kinds or word == SelectorKind.ALL or not colon:
        named = ", ".join(f"{one}:NAME" for one in kinds if one != SelectorKind.ALL)
        raise _invalid(f"expected all, or {named}, got {text[:64]!r}")
    kind = SelectorKind(word)
    pattern, form = _FORMS.get(kind, (_NAME, _NAME_FORM))
    if not re.fullmatch(pattern, name):
        raise _invalid(f"expected {form} after {word}:, got {name[:64]!r}")
    return Selector(kind, name)


def parse_selection(text: str) -> Selection:
    """Reads terms that are joined by `&`: calls that all of them select.

    Raises:
        InvalidInputError: `selector-invalid`: it is none, with what was expected.
    """
    if len(text) > SELECTOR_LENGTH_MAX:
        raise _invalid(f"expected at most {SELECTOR_LENGTH_MAX} characters, got {len(text)}")
    terms = [_term(part) for part in text.split("&")]
    if len(terms) > TERMS_MAX:
        raise _invalid(f"expected at most {TERMS_MAX} terms, got {len(terms)}")
    marks = [term.mark for term in terms]
    if SelectorKind.ALL in marks and len(terms) > 1:
        raise _invalid("all stands alone: leave it out, and the other terms select")
    twice = next((mark for mark in marks if marks.count(mark) > 1), None)
    if twice is not None:
        raise _invalid(f"{twice} stands twice; expected each once")
    return Selection(tuple(sorted(terms, key=lambda term: (_ORDER[term.kind], term.name))))


def _term(text: str) -> Selector:
    found = parse_selector(text.removeprefix("!"))
    barred = text.startswith("!")
    if barred and found.kind is SelectorKind.ALL:
        raise _invalid("nothing is not all: expected a kind and a name after !")
    return replace(found, barred=barred)


def place_tag(secret: bytes, place: str) -> str:
    """Returns the tag that stands for a place in a program and in selectors, for those who have the secret.

    Equal places have equal tags, so that a freeze by tag also stops who comes later.

    Raises:
        InvalidInputError: `tag-secret-invalid`, or `selector-invalid`: it is no place.
    """
    if len(secret) != TAG_SECRET_BYTES:
        text = f"a tag secret has {TAG_SECRET_BYTES} bytes, got {len(secret)}"
        raise InvalidInputError(text, code="tag-secret-invalid")
    if not re.fullmatch(r"[a-z]{2}", place):
        raise _invalid(f"expected two lower-case letters of ISO 3166-1, such as fr, got {place[:64]!r}")
    found = hmac.digest(secret, b"safeconduct/place/v1\0" + place.encode(), hashlib.sha256)
    return "x-" + base64.b32encode(found[:16]).decode().rstrip("=").lower()


def _invalid(what: str) -> InvalidInputError:
    remedy = "such as principal:ana, or model:gpt-x&!nationality:us; docs/spec/freeze.md lists every kind"
    return InvalidInputError(what, code="selector-invalid", remedy=remedy)
