"""What a call's machine must know of it, decided before the intent."""

from collections.abc import Mapping

import msgspec

from safeconduct.boundary.restoring import Restorable
from safeconduct.boundary.variables import Variables
from safeconduct.gateway.dialects.model import Dialect, ModelRequest
from safeconduct.gateway.moves import Release
from safeconduct.gateway.ports import Inspector
from safeconduct.gateway.withheld import Withheld

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
STATUS_OK = 200


class CallTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the upstream is asked and in which dialect it answers, how that is let out, and how many targets there are.

    `attempts` are the path's providers, which equal each other; `inspector` is asked unless `release` is `pass`.
    `withheld` makes the answer that goes in place of one whose tool calls may not; without it none are decided.
    `restorable` are the tokens that become originals again; None where the caller gets the answer as it is. `used`
    are the tokens that the request holds, with their originals, which the model was not shown. `variables` are put
    into its tool calls; None on a path that hides nothing.
    """

    dialect: Dialect
    request: ModelRequest
    answer_bytes_max: int
    release: Release
    inspector: Inspector
    attempts: int
    restorable: Restorable | None = None
    withheld: Withheld | None = None
    used: Mapping[str, str] = {}
    variables: Variables | None = None
