"""Whose signatures count for whoever verifies, and what a checkpoint must bear to be believed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from safeconduct.kernel.ids import Origin
from safeconduct.ledger.checkpoints import SignedCheckpoint, open_checkpoint
from safeconduct.ledger.notes import NoteError, VerifierKey
from safeconduct.ledger.quorums import Policy, PolicyError
from safeconduct.ledger.rotation import Rotation, chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose signatures count: the log's, and the witnesses' whose cosignatures must verify where they stand.

    `former` are further keys of the same log, as it had them before or will have them; `rotations` say which of them
    must have signed from which size on. `quorum` is the policy that the cosignatures must fill; without one the log's
    own signature is enough.
    """

    log: VerifierKey
    witnesses: Sequence[VerifierKey] = ()
    former: Sequence[VerifierKey] = ()
    quorum: Policy | None = None
    rotations: tuple[Rotation, ...] = ()

    @property
    def logs(self) -> tuple[VerifierKey, ...]:
        """All keys of the log."""
        return (self.log, *self.former)

    def following(self, rotations: Iterable[Rotation]) -> "Trust":
        """Returns this trust with further rotations of the log's key, whose keys are then known.

        Raises:
            NoteError: `rotation-broken`: they are no chain that a known key is a link of.
        """
        known = chain(self.logs, (*self.rotations, *rotations))
        if not known.rotations:
            return self
        former = dict.fromkeys(key for key in (*self.former, *known.keys) if key != self.log)
        return replace(self, former=tuple(former), rotations=known.rotations)

    def required(self, size: int) -> VerifierKey | None:
        """Returns the key that must have signed a checkpoint of this size; None where any of the log's may have."""
        return chain(self.logs, self.rotations).at(size) if self.rotations else None

    def signing_after(self, floor: int) -> tuple[VerifierKey, ...]:
        """Returns the log's keys that may sign something when it has so many entries: none that was rotated before."""
        retired = {rotation.old for rotation in self.rotations if floor > rotation.index}
        return tuple(key for key in self.logs if key not in retired)

    def signed(self, encoded: str | bytes) -> tuple[SignedCheckpoint, "Trust"]:
        """Returns a checkpoint that a key of the log signed, and this trust with that key as the log's.

        Raises:
            NoteError: it is malformed, another log's, or signed by none of the keys; or not by the one that must,
                where rotations are known: who stole an old key can't go on with it.
        """
        signed = open_checkpoint(encoded, *self.logs)
        key = self.required(signed.checkpoint.size)
        if key is None:
            key = next(key for key in self.logs if signed.note.names(key))
        signed.note.signed_by(key)
        return signed, replace(self, log=key, former=tuple(one for one in self.logs if one != key))

    def cosigners(self, signed: SignedCheckpoint) -> tuple[VerifierKey, ...]:
        """Returns the known witnesses who cosigned, in the note's order of this trust.

        Raises:
            NoteError: a cosignature of one of them does not verify.
            PolicyError: `quorum-missing`: they don't fill the quorum.
        """
        own = tuple(key for key in self.witnesses if signed.note.names(key))
        for key in own:
            signed.note.signed_by(key)
        if self.quorum is not None:
            self.quorum.check(own)
        return own


def by_policy(policy: Policy, origin: Origin, *, vacuous: bool = False) -> Trust:
    """Returns what a policy trusts of a log.

    Raises:
        PolicyError: the policy does not know the log; or `quorum-none`: it asks for no cosignature at all, and whoever
            verifies did not say that this is meant (`vacuous`).
    """
    keys = [log.key for log in policy.logs if log.key.name == origin]
    if not keys:
        names = ", ".join(sorted({log.key.name for log in policy.logs})) or "none"
        raise PolicyError(f"the policy does not know the log {origin}; it knows {names}", code="log-unknown")
    if policy.vacuous and not vacuous:
        raise PolicyError(
            "the policy says quorum none: the log's own word would be enough",
            code="quorum-none",
            remedy="pass --no-quorum if that is meant",
        )
    witnesses = tuple(witness.key for witness in policy.witnesses)
    return Trust(log=keys[0], former=tuple(keys[1:]), witnesses=witnesses, quorum=policy)


def check_signatures(note: SignedCheckpoint, trust: Trust) -> None:
    """Returns if every signature line is by a known key and verifies.

    Raises:
        NoteError: one does not, or is by nobody we know, so that a change in it could not be seen.
    """
    known = (*trust.logs, *trust.witnesses)
    for signature in note.note.signatures:
        keys = [key for key in known if signature.is_by(key)]
        if not keys:
            raise NoteError(
                f"a signature line of {signature.name} is by no known key",
                code="signature-unknown",
                remedy=_unknown(signature.name, trust),
            )
        note.note.signed_by(keys[0])


def _unknown(name: str, trust: Trust) -> str:
    if name == trust.log.name:
        return "the log's key was rotated: pass the evidence of that with --rotation FILE"
    return "pass that witness's public key, or take the line out: it can't be checked"
