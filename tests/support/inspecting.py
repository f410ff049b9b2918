"""An inspector that refuses words, as the recognizers of a later release will refuse what they find."""

from dataclasses import dataclass, field

from safeconduct.gateway.ports import Verdict


@dataclass
class RefusesWords:
    """With `holds` the words have a person decide instead."""

    words: tuple[str, ...]
    seen: list[str] = field(default_factory=list)
    holds: bool = False

    def inspect(self, text, *, ends=True):
        self.seen.append(text)
        found = [word for word in self.words if word in text]
        clause = f"words:{found[0]}" if found else ""
        return Verdict(hold=clause) if self.holds else Verdict(clause)
