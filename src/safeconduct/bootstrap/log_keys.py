"""What must be made before a log's key can be rotated, or a log closed: keys, statements, the successor."""

from safeconduct.access.log_keys import Closing, check_open
from safeconduct.access.model.changes import KeyChange
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.log_events import next_origin
from safeconduct.ledger.rotation import sign_succession


def next_key(installation: Installation, origin: Origin) -> KeyChange:
    """Makes another key for a log; returns the statement that it follows the present one, signed by both.

    Raises:
        AbsentError: there is no such log.
        KeyUnavailableError: who keeps one of them can't be reached.
    """
    installation.logs.verifier(origin)
    old, new = installation.logs.signer(origin), installation.log_keys.make_next(origin)
    return KeyChange(origin=origin, old=old.verifier.text, new=new.verifier.text, statement=sign_succession(old, new))


def closing(installation: Installation, origin: Origin) -> Closing:
    """Makes the log that would go on for this one ready, and returns what closing needs to know.

    Raises:
        AbsentError: there is no such log.
        ConflictError: `log-closed`.
        KeyUnavailableError: who is to keep the successor's key can't be reached.
    """
    key = installation.logs.verifier(origin)
    with installation.snapshot() as records:
        check_open(records, origin)
        successor = next_origin(records, origin)
    installation.open_log(successor)
    return Closing(
        origin=origin,
        key=key.text,
        trusted=installation.log.last_cosigned(origin),
        successor=successor,
        successor_key=installation.log_keys.signer(successor).verifier.text,
        usable=origin not in installation.writer.stopped(),
    )
