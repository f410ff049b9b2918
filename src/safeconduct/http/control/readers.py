"""In which role somebody reads sealed fields, and whether they read a log whole."""

from safeconduct.access.acts import Capability, admit
from safeconduct.access.opening_rules import LOCAL, Viewer
from safeconduct.access.reading_rights import Reader, reads_log
from safeconduct.http.control.context import Control
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.sealing import HOUSE
from safeconduct.ledger.service import unknown_log


def viewer_of(reader: Reader) -> Viewer:
    """Returns in which role somebody reads. Whoever holds the data is the house.

    Raises:
        RefusedError: `not-a-reader`.
    """
    if reader.local:
        return Viewer(by=LOCAL, reader=HOUSE)
    if reader.side is None:
        raise RefusedError(f"{reader.organization} has no role in the agreement", code="not-a-reader")
    return Viewer(by=reader.principal, reader=reader.side)


def check_capability(control: Control, signed: Signed[object], capability: Capability) -> None:
    """Returns if the signer may: asked before anything is looked up, so that who may not learns nothing of it.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts.admit`.
    """
    with control.snapshot() as records:
        admit(
            records,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            now=control.clock.now(),
            capability=capability,
        )


def check_log(control: Control, reader: Reader, origin: Origin) -> None:
    """Returns if there is such a log and somebody reads it whole.

    Raises:
        AbsentError: `log-unknown`: there is none, or not for this reader; the answer is the same.
    """
    with control.snapshot() as records:
        if origin not in control.log.origins() or not reads_log(records, reader, origin):
            raise unknown_log(origin)
