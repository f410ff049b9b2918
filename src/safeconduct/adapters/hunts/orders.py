"""What the child is told and what it answers: one line of JSON each."""

import msgspec

from safeconduct.kernel.errors import Kind
from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, RuleHunt, RuleHuntResult


class CatchUp(msgspec.Struct, frozen=True, tag="catch-up"):
    """Bring the segments of an archive's folder one step nearer to its events."""

    folder: str


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Answer a hunt over an archive's folder."""

    folder: str
    hunt: Hunt
    budget: Budget


class Detect(msgspec.Struct, frozen=True, tag="detect"):
    """Run rules over an archive's folder."""

    folder: str
    hunt: RuleHunt
    budget: Budget


Order = CatchUp | Answer | Detect


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an order: nothing more to do, an answer, or why not. `kind` is that of the error."""

    done: bool = True
    result: HuntResult | None = None
    detected: RuleHuntResult | None = None
    kind: Kind | None = None
    code: str = ""
    message: str = ""
    remedy: str = ""
