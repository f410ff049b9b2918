"""Keeps the partner's cosignature close behind the joint log, so that its copy can always be held against it."""

import asyncio
import logging

from safeconduct.access import records as kept
from safeconduct.access.cosigning import witness_of
from safeconduct.access.model import Agreement, Witness
from safeconduct.adapters.witness import WitnessClient
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.notes import VerifierKey

INTERVAL_S = 1.0
"""Seconds between two looks at whether the log has grown. What waits for a cosignature asks for it by itself."""

RETRY_S = 30.0
"""Seconds until a witness that did not answer is asked again."""

DAMNING = frozenset({"log-behind-witness", "log-forked"})
"""What a witness says of a log that nothing may be appended to any more."""

_log = logging.getLogger(__name__)


def cosign(installation: Installation, origin: Origin, client: WitnessClient, size_min: int) -> str:
    """Gets and keeps the witness's cosignature on a checkpoint of at least that size; returns the note.

    Raises:
        UnavailableError: the witness can't be reached or refuses. A log that it damns is stopped.
    """
    try:
        cosigned = client.cosign(installation.log, origin, size_min)
    except UnavailableError as error:
        if error.code in DAMNING:
            installation.writer.stop_origin(origin, error.code, error.message)
        raise
    installation.writer.keep_cosigned(cosigned, client.key)
    return cosigned.encoded


async def follow(installation: Installation) -> None:
    """Has the agreement's log cosigned whenever it has grown, until cancelled.

    At first also if it has not: only the partner can tell that all of the data was led back to an older backup.
    """
    asked = False
    while True:
        try:
            asked = await asyncio.to_thread(_once, installation, asked)
            await asyncio.sleep(INTERVAL_S)
        except SafeconductError as error:
            _log.warning("the joint log is not cosigned: %s", error)
            await asyncio.sleep(RETRY_S)
        except Exception:  # noqa: BLE001 - were this to end here, nobody would notice that nothing is cosigned any more
            _log.exception("the joint log is not cosigned")
            await asyncio.sleep(RETRY_S)


def cosign_head(installation: Installation, origin: Origin) -> None:
    """Has the head of the agreement's log cosigned, unless it is. Another log has no partner to wait for.

    Raises:
        RefusedError: `no-witness`.
        UnavailableError: the witness can't be reached or refuses.
    """
    agreement = _agreement(installation)
    if agreement is not None and agreement.origin == origin:
        _cosign_head(installation, origin, witness_of(agreement))


def _once(installation: Installation, asked: bool) -> bool:  # noqa: FBT001 - whether the witness was asked before
    agreement = _agreement(installation)
    if agreement is None or agreement.witness is None:
        return asked
    _cosign_head(installation, agreement.origin, agreement.witness, anew=not asked)
    return True


def _cosign_head(installation: Installation, origin: Origin, witness: Witness, *, anew: bool = False) -> None:
    size, key = installation.log.size(origin), VerifierKey.parse(witness.key)
    if anew or size > installation.log.cosigned_size(origin, key):
        cosign(installation, origin, WitnessClient(witness.url, key), size)


def _agreement(installation: Installation) -> Agreement | None:
    with installation.snapshot() as records:
        return kept.agreement_in_force(records)
