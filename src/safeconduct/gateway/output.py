"""Step 10: what a path looks for in answers, behind the release modes that hold them (docs/spec/detection.md 5)."""

import hashlib
from collections.abc import Iterator, Sequence

from safeconduct.access.detection import FoundAct, FoundKind, OutputRules
from safeconduct.boundary.canaries import says
from safeconduct.boundary.exploits import exploit_signs, is_exploit
from safeconduct.boundary.links import forbidden_links
from safeconduct.boundary.recognizing import recognize
from safeconduct.gateway.ports import Inspector, Verdict

SECRET_CLASS = "secret"  # noqa: S105 - the class of data that recognizers give them

ORIGINAL_MIN = 5
"""Characters of the shortest original that is looked for in an answer: shorter ones are words that everybody uses."""


class OutputInspector:
    """`Inspector` of one call, by its path's rules. It remembers the signs of an exploit that came in pieces before.

    `originals` are what the model was given tokens for, `canary` the path's, empty where the process has no secret.
    """

    def __init__(self, path: str, rules: OutputRules, *, canary: str = "", originals: Sequence[str] = ()) -> None:
        self._clause = f"path:{path}/output"
        self._rules = rules
        self._canary = canary
        self._originals = [one.lower() for one in originals if len(one) >= ORIGINAL_MIN]
        self._signs: frozenset[str] = frozenset()

    def inspect(self, text: str, *, ends: bool) -> Verdict:
        found = frozenset((kind.value, _mark(what)) for kind, what in self._found(text, ends=ends))
        acts = self._rules.acts
        first = {act: kind for kind, act in sorted(((kind, acts[FoundKind(kind)]) for kind, _ in found), reverse=True)}
        clauses = {act: f"{self._clause}/{kind}" for act, kind in first.items()}
        return Verdict(clauses.get(FoundAct.WITHHOLD, ""), found, clauses.get(FoundAct.HOLD, ""))

    def _found(self, text: str, *, ends: bool) -> Iterator[tuple[FoundKind, str]]:
        for host, why in forbidden_links(text, self._rules.hosts, ends=ends):
            yield FoundKind.LINK, f"{why} {host}"
        for one in recognize(text):
            if one.data_class == SECRET_CLASS:
                yield FoundKind.SECRET, text[one.start : one.end]
        if self._canary and says(text, self._canary):
            yield FoundKind.CANARY, ""
        lowered = text.lower() if self._originals else ""
        for original in self._originals:
            if original in lowered:
                yield FoundKind.PSEUDONYM, original
        self._signs |= exploit_signs(text)
        if is_exploit(self._signs):
            yield FoundKind.EXPLOIT, ""


def _mark(what: str) -> str:
    """Returns what tells two findings apart without keeping them in memory by their words."""
    return hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:16] if what else ""


class Noting:
    """`Inspector` that asks another one and notes what that found: what the outcome counts.

    `hold` is the first clause that has the answer wait for a person; empty where none does.
    """

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._found: set[tuple[str, str]] = set()
        self.hold = ""

    def inspect(self, text: str, *, ends: bool) -> Verdict:
        verdict = self._inspector.inspect(text, ends=ends)
        self._found |= verdict.found
        self.hold = self.hold or verdict.hold
        return verdict

    @property
    def counts(self) -> dict[str, int]:
        """How many different findings there were of each kind."""
        if not self._found:
            return {}
        kinds = sorted(kind for kind, _ in self._found)
        return {kind: kinds.count(kind) for kind in kinds}
