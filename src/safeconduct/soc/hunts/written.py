"""A hunt as people and programs write it: JSON, sent to be answered or to be saved."""

import msgspec

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.soc.hunts.model import Comparison, Hunt, Order, Where

SALT_BYTES = 16
"""Of what is kept with a saved hunt, so that nobody confirms a guess of it by the digest in the log."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition on one column, or on the values at a JSON pointer without indexes."""

    field: str
    operator: Comparison
    value: str = ""
    negated: bool = False


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hunt. Times are RFC 3339; empty ones set no bound."""

    where: tuple[Condition, ...] = ()
    first: str = ""
    last: str = ""
    sources: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    order: Order = Order.OLDEST
    limit: int = 1_000

    def hunt(self) -> Hunt:
        """Returns it as the engines know it.

        Raises:
            InvalidInputError: it is no hunt (`hunt-invalid`), or a time is none.
        """
        return Hunt(
            where=tuple(Where(one.field, one.operator, one.value, one.negated) for one in self.where),
            first=instant(self.first),
            last=instant(self.last),
            sources=self.sources,
            group=self.group,
            order=self.order,
            limit=self.limit,
        )


class _Kept(msgspec.Struct, frozen=True):
    salt: str
    question: Question


def kept(question: Question, salt: bytes) -> bytes:
    """Returns the bytes under whose digest a hunt is saved."""
    return msgspec.json.encode(_Kept(salt.hex(), question))


def read_kept(content: bytes) -> Question:
    """Returns the hunt that was saved.

    Raises:
        UnavailableError: the bytes hold none that this release knows (`hunt-changed`).
    """
    try:
        return msgspec.json.decode(content, type=_Kept).question
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnavailableError(
            f"the saved hunt can't be read: {error}", code="hunt-changed", remedy="save it again"
        ) from error


def instant(text: str) -> Instant | None:
    """Returns the bound of a window, None where the text is empty."""
    return parse_rfc3339(text) if text else None
