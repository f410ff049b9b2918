"""Keeps the partner's cosignatures close behind the joint log, so that its copy can always be held against it."""

import asyncio
import logging
from collections.abc import Callable

from safeconduct.access import records as kept
from safeconduct.access.cosigning import witness_of
from safeconduct.access.model.agreements import Agreement
from safeconduct.adapters.quorum import Outcome, cosign_by_quorum
from safeconduct.adapters.refusals import DAMNING, WitnessError
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.quorums import Policy, all_of, parse_policy

INTERVAL_S = 1.0
"""Seconds between two looks at whether the log has grown. What waits for a cosignature asks for it by itself."""

RETRY_S = 30.0
"""Seconds until witnesses that did not fill the quorum are asked again."""

_log = logging.getLogger(__name__)


def cosign(installation: Installation, origin: Origin, policy: Policy, size_min: int) -> str:
    """Gets and keeps the quorum's cosignatures on a checkpoint of at least that size; returns the note.

    Raises:
        AbsentError: the log has no such entries.
        WitnessError: the quorum is not filled. A log that a witness proves to be at fault is stopped; so is one that
            a witness without whom the quorum can't be filled says it of, proven or not.
    """
    signed = installation.log.checkpoint(origin)
    if signed.checkpoint.size < size_min:
        raise AbsentError(f"{origin} has {signed.checkpoint.size} entries, expected at least {size_min}")
    try:
        return _ask(installation, signed, policy).encoded
    except WitnessError as error:
        if error.code in DAMNING:
            installation.writer.stop_origin(origin, error.code, error.message)
        raise


async def follow(installation: Installation) -> None:
    """Has the agreement's log cosigned whenever it has grown, until cancelled.

    At first also if it has not: only the partner can tell that all of the data was led back to an older backup. Those
    without whom the quorum is filled - a mirror, say, that takes its time - are asked beside it.
    """
    asked = False

    def quorum() -> None:
        nonlocal asked
        asked = _once(installation, asked)

    await asyncio.gather(_again_and_again(quorum), _again_and_again(lambda: _ask_the_rest(installation)))


async def _again_and_again(look: Callable[[], None]) -> None:
    while True:
        try:
            await asyncio.to_thread(look)
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
        WitnessError: the quorum is not filled.
    """
    agreement = _agreement(installation)
    if agreement is not None and agreement.origin == origin:
        _cosign_head(installation, origin, parse_policy(witness_of(agreement).policy))


def _once(installation: Installation, asked: bool) -> bool:  # noqa: FBT001 - whether the witness was asked before
    agreement = _agreement(installation)
    if agreement is None or agreement.witness is None:
        return asked
    _cosign_head(installation, agreement.origin, parse_policy(agreement.witness.policy), anew=not asked)
    return True


def _cosign_head(installation: Installation, origin: Origin, policy: Policy, *, anew: bool = False) -> None:
    if anew or not policy.satisfied(_cosigners(installation, origin, policy)):
        cosign(installation, origin, policy, installation.log.size(origin))


def _ask_the_rest(installation: Installation) -> None:
    """Asks those who did not cosign the head although the quorum is filled. What they say unproven stops nothing.

    Raises:
        WitnessError: one of them did not cosign.
    """
    agreement = _agreement(installation)
    if agreement is None or agreement.witness is None:
        return
    origin, policy = agreement.origin, parse_policy(agreement.witness.policy)
    have = _cosigners(installation, origin, policy)
    rest = [one for one in policy.witnesses if one.key not in have]
    if rest and policy.satisfied(have):
        _ask(installation, installation.log.checkpoint(origin), all_of(rest))


def _cosigners(installation: Installation, origin: Origin, policy: Policy) -> list[VerifierKey]:
    """Returns those who cosigned the head."""
    size = installation.log.size(origin)
    return [one.key for one in policy.witnesses if installation.log.cosigned_size(origin, one.key) == size]


def _ask(installation: Installation, signed: SignedCheckpoint, policy: Policy) -> SignedCheckpoint:
    origin = signed.checkpoint.origin
    outcome = Outcome(
        keep=installation.writer.keep_cosigned,
        stop=lambda error: installation.writer.stop_origin(origin, error.code, error.message),
    )
    log_key = installation.logs.verifier(origin)
    return cosign_by_quorum(installation.log, signed, policy, log_key=log_key, outcome=outcome)


def _agreement(installation: Installation) -> Agreement | None:
    with installation.snapshot() as records:
        return kept.agreement_in_force(records)
