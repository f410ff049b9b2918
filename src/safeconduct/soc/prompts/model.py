"""A prompt as a value: in which words a model is asked about an incident, and where in them the data stand.

docs/spec/trials.md, section 1. The id of a version is of its content, so whoever names one says every word of it.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import InvalidInputError

TEXT_CHARS_MAX = 4_000
"""Characters of one text of a prompt: with two of them a question to a large model is still mostly data."""

LAYOUT = "data/1"
"""How the data block is laid out (`soc.questions.exhibit`); another layout makes every version another one."""

DATA = "{data}"
"""The one placeholder: the block of events, alerts and hunts, between its marks."""

BEGIN, END = "<data>", "</data>"

VERSION_DIGITS = 16
"""Hexadecimal digits of a version's id: 64 bits, for two of the same owner and kind are told apart at registration."""

_PLACEHOLDER = re.compile(r"\{\w*\}")
_MARK = re.compile(r"</?\s*data", re.IGNORECASE)
_BREAKS = frozenset("\n\t")


class PromptKind(StrEnum):
    """What a model is asked to do with an incident."""

    TRIAGE = "triage"
    EXPLAIN = "explain"
    HUNT = "hunt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The texts of one kind of question. `system` are instructions alone; `request` holds the data once.

    A hunt asks twice: `request` for proposals, `found` for what they show. The others have no `found`.
    """

    kind: PromptKind
    system: str
    request: str
    found: str = ""

    @property
    def content(self) -> bytes:
        """The bytes under which it is kept."""
        texts = {"system": self.system, "request": self.request, "found": self.found}
        return canonical({"layout": LAYOUT, "kind": self.kind, **texts})

    @property
    def version(self) -> str:
        """Its id, such as `triage/1f0c...`: the same words, the same id."""
        return f"{self.kind}/{hashlib.sha256(self.content).hexdigest()[:VERSION_DIGITS]}"


def checked(prompt: Prompt) -> Prompt:
    """Returns a prompt that somebody wrote, if events can reach none of its instructions.

    Raises:
        InvalidInputError: `prompt-invalid`: a text is missing, one too many, too long or holds what people don't see;
            another placeholder than the data's, or the data elsewhere than once in a request; marks of data in a
            request; instructions that don't say what the marks mean.
    """
    requests = {"request": prompt.request} | ({"found": prompt.found} if prompt.kind is PromptKind.HUNT else {})
    if prompt.found and "found" not in requests:
        raise _invalid("found", f"is for hunts, not for {prompt.kind}")
    for name, text in {"system": prompt.system, **requests}.items():
        _legible(name, text)
    if _PLACEHOLDER.search(prompt.system):
        raise _invalid("system", "has no placeholder: what stands there would be an instruction")
    if BEGIN not in prompt.system or END not in prompt.system:
        raise _invalid("system", f"says what stands between {BEGIN} and {END}, by these marks")
    for name, text in requests.items():
        if _PLACEHOLDER.findall(text) != [DATA]:
            raise _invalid(name, f"holds the placeholder {DATA} once and no other")
        if _MARK.search(text):
            raise _invalid(name, "has no marks of data: they are set around the data")
    return prompt


def _legible(name: str, text: str) -> None:
    if not 0 < len(text.strip()) <= len(text) <= TEXT_CHARS_MAX:
        raise _invalid(name, f"has 1 to {TEXT_CHARS_MAX:,} characters, not {len(text):,}")
    unseen = next((one for one in text if one not in _BREAKS and unicodedata.category(one)[0] == "C"), None)
    if unseen is not None:
        raise _invalid(name, f"holds U+{ord(unseen):04X}, which nobody who reviews it would see")


def _invalid(name: str, text: str) -> InvalidInputError:
    return InvalidInputError(
        f"a prompt's {name} {text}",
        code="prompt-invalid",
        remedy="safeconduct prompt show triage prints a prompt to begin with",
    )
