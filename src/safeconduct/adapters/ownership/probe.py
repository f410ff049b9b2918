"""Carries out effects of the kind `scope.verify`. Each ends in an entry; carried out twice, the first counts."""

from collections.abc import Callable, Mapping

import msgspec

from safeconduct.access.ownership import AuthorizationKind, Challenge, Question, Seen
from safeconduct.access.scopes import record_seen
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Writer

Look = Callable[[Question], Seen]


class OwnershipProbe:
    """Looks for each kind of challenge as `looks` say."""

    def __init__(self, writer: Writer, looks: Mapping[AuthorizationKind, Look]) -> None:
        self._writer = writer
        self._looks = looks

    def carry_out(self, effect: Effect) -> None:
        """Looks whether the challenge that the effect holds was met, and records what was seen."""
        looked_for = msgspec.convert(
            {name: value for name, value in effect.body.items() if name != "ordered_by"}, Challenge
        )
        seen = self._looks[looked_for.kind](looked_for.question)
        order, by = EntryId(effect.key), str(effect.body["ordered_by"])
        self._writer.submit(lambda tx: record_seen(tx, order, looked_for, by, seen)).result()
