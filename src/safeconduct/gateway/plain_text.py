"""Text as a reader understands it: without what defangs an indicator, hides a dot or stands in for an ASCII letter.

Each step looks first whether the text holds anything of its kind, so that ordinary text costs a few searches.
"""

import re
import unicodedata

_DOT = re.compile(r"\s?(?:\[\s?(?:\.|dot)\s?\]?|\(\s?(?:\.|dot)\s?\)|\{\s?(?:\.|dot)\s?\})\s?", re.IGNORECASE)
_BRACKETED = [(one, re.compile(rf"\{one}\s?[.dD]")) for one in "[({"]  # what every such dot holds
_HALF_DOT = re.compile(r"(?<=\w)\.\](?=\w)")
_COLON = re.compile(r"\[:\]|\(:\)|\{:\}")
_SLASHES = re.compile(r"\[:?//\]")
_BACKSLASHES = re.compile(r"(?<=[tx]p):\\\\|(?<=[tx]ps):\\\\", re.IGNORECASE)  # browsers take them for slashes
_PERCENT = re.compile(r"%(2e|3a|2f|40)", re.IGNORECASE)
_CHARACTERS = {"2e": ".", "3a": ":", "2f": "/", "40": "@"}
_ENTITY = re.compile(r"&(?:#46|#x2e|period);", re.IGNORECASE)
# What stands before is asked last: so the engine looks for two characters, and not at each one.
_APART, _APART_BY_TAB = (re.compile(rf"{one}\.(?<=\w{one}\.)[ \t]?(?=\w)") for one in (" ", "\t"))
_SAID = re.compile(r"(?<=\w)[ \t]+dot[ \t]+(?=\w)", re.IGNORECASE)
# What nobody sees and UTS 46 ignores or forbids within a name. Joiners stay: some resolvers keep them.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_OTHER_DIGITS = re.compile(r"[^\W\D]")
_OTHER_DOTS = str.maketrans({"\u3002": ".", "\uff61": ".", "\u2024": "."})


def plain(text: str) -> str:
    """Returns the text as it is meant. Of ordinary ASCII it is the same object."""
    if not text.isascii():
        text = _folded(text)
    if "%" in text:
        text = _PERCENT.sub(lambda found: _CHARACTERS[found[1].lower()], text)
    if " ." in text:
        text = _APART.sub(".", text)
    if "\t" in text and "\t." in text:
        text = _APART_BY_TAB.sub(".", text)
    if "&" in text:
        text = _ENTITY.sub(".", text)
    if " dot " in text or " DOT " in text:
        text = _SAID.sub(".", text)
    return refang(text)


def refang(text: str) -> str:
    """Undoes the brackets that people write into indicators so that nobody clicks on them."""
    if "[" in text or "(" in text or "{" in text:
        text = _unbracketed(text)
    if "\\" in text and ":\\\\" in text:
        text = _BACKSLASHES.sub("://", text)
    return _HALF_DOT.sub(".", text) if "]" in text and ".]" in text else text


def _unbracketed(text: str) -> str:
    if any(opening in text and form.search(text) for opening, form in _BRACKETED):
        text = _DOT.sub(".", text)
    if ":]" in text or ":)" in text or ":}" in text:
        text = _COLON.sub(":", text)
    return _SLASHES.sub("://", text) if "//]" in text else text


def _folded(text: str) -> str:
    """Letters of compatibility, digits and dots of other scripts as ASCII; what is unseen left out."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text.translate(_OTHER_DOTS)))
    return _OTHER_DIGITS.sub(lambda found: str(unicodedata.decimal(found[0])), seen.translate(_OTHER_DOTS))
