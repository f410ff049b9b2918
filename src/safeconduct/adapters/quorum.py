"""Asks as many witnesses at once as a policy's quorum needs."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.adapters.refusals import DAMNING, WitnessError
from safeconduct.adapters.witness_client import TIMEOUT_S, WitnessClient
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.notes import Note, Signature, VerifierKey
from safeconduct.ledger.quorums import KnownWitness, Policy
from safeconduct.ledger.reader import LogReader

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is done with what witnesses answer, from their threads, also after nobody waits for them any more.

    `keep` stores a cosigned checkpoint; `stop` ends a log of which a witness proved that nothing here may be trusted.
    """

    keep: Callable[[SignedCheckpoint, VerifierKey], object]
    stop: Callable[[WitnessError], object]


def cosign_by_quorum(
    log: LogReader,
    signed: SignedCheckpoint,
    policy: Policy,
    *,
    log_key: VerifierKey,
    outcome: Outcome,
    timeout_s: float = TIMEOUT_S,
) -> SignedCheckpoint:
    """Returns the checkpoint with cosignatures that fill the quorum, as soon as they do.

    All witnesses are asked at once, each in a thread and with a deadline of its own, so that a slow, lying or dead one
    costs nothing while others fill the quorum. An answer counts only if its cosignature of this checkpoint verifies.

    Raises:
        WitnessError: they don't fill it: what a witness said that damns the log, else the last refusal, of one witness
            by its own code, of several as `quorum-missing`.
    """
    answers: queue.SimpleQueue[tuple[VerifierKey, Signature] | WitnessError] = queue.SimpleQueue()

    def ask(witness: KnownWitness) -> None:
        answers.put(_asked(log, signed, witness, log_key=log_key, outcome=outcome, timeout_s=timeout_s))

    for witness in policy.witnesses:
        threading.Thread(target=ask, args=(witness,), name=f"witness {witness.name}", daemon=True).start()
    lines: dict[VerifierKey, Signature] = {}
    refusals: list[WitnessError] = []
    for _answer in policy.witnesses:
        answer = answers.get()
        if isinstance(answer, WitnessError):
            refusals.append(answer)
        else:
            lines[answer[0]] = answer[1]
        if policy.satisfied(lines.keys()):
            by_log = [line for line in signed.note.signatures if line.name == signed.checkpoint.origin]
            return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, (*by_log, *lines.values())))
    raise _unfilled(policy, lines, refusals)


def _asked(
    log: LogReader,
    signed: SignedCheckpoint,
    witness: KnownWitness,
    *,
    log_key: VerifierKey,
    outcome: Outcome,
    timeout_s: float,
) -> tuple[VerifierKey, Signature] | WitnessError:
    try:
        client = WitnessClient(witness.url, witness.key, timeout_s=timeout_s)
        cosigned = client.cosign(log, signed, log_key)
        outcome.keep(cosigned, witness.key)
        return witness.key, cosigned.note.signed_by(witness.key)
    except WitnessError as error:
        if error.code in DAMNING and error.proven:
            outcome.stop(error)
        return error
    except SafeconductError as error:
        return WitnessError(f"witness {witness.name}: {error.message}", code=error.code)
    except Exception as error:  # noqa: BLE001 - who waits for the answer must get one
        _log.exception("asking witness %s", witness.name)
        return WitnessError(f"witness {witness.name}: {error}", code="witness-refused")


def _unfilled(policy: Policy, lines: Mapping[VerifierKey, Signature], refusals: Sequence[WitnessError]) -> WitnessError:
    damning = [error for error in refusals if error.code in DAMNING]
    if damning:
        return max(damning, key=lambda error: error.proven)
    if len(policy.witnesses) == 1:
        return refusals[-1]
    said = "; ".join(error.message for error in refusals)
    return WitnessError(f"{len(lines)} of {len(policy.witnesses)} witnesses cosigned: {said}", code="quorum-missing")
