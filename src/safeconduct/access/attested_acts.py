"""Who signed the acts in a verified copy of a log, judged with public keys alone. docs/spec/passkeys.md section 1."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec

from safeconduct.access import passkey_events as events
from safeconduct.access.events import PROGRAM_PART
from safeconduct.access.passkey_model import TRANSITIONS, Passkey, PasskeyStep, unknown_passkey
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError, UnauthenticatedError
from safeconduct.ledger.acts import Envelope, SignedAct
from safeconduct.ledger.keys import PublicKey
from safeconduct.ledger.passkeys import Assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAct:
    """An entry's act, and by what it was signed. `problem` says why that shows nothing; empty where it holds.

    `known` is False where no public key of the actor stands in the log or was given: then nothing is said of it.
    """

    entry: Entry
    actor: str
    passkey: bool
    known: bool = True
    problem: str = ""


class ActJudge:
    """Learns the public keys that a log states, entry by entry, and judges the acts by them.

    What an act that does not hold did counts for nothing: a forged confirmation puts no passkey in force.
    """

    def __init__(self, given: Iterable[PublicKey] = ()) -> None:
        self._given = tuple(given)
        self._keys = defaultdict[str, set[PublicKey]](set)
        self._passkeys: dict[str, Passkey] = {}

    def judged(self, entries: Iterable[Entry]) -> Iterator[JudgedAct]:
        """Yields the acts of a log's entries, in their order."""
        for entry in entries:
            found = self._judge(entry) if entry.act is not None else None
            if found is not None:
                yield found
            if found is None or not found.problem:
                self._learn(entry)

    def _judge(self, entry: Entry) -> JudgedAct:
        try:
            signed = msgspec.convert(entry.act, Envelope).signed()
        except ValueError as error:
            return JudgedAct(entry=entry, actor="", passkey=False, problem=f"it is no signed act: {error}")
        passkey = isinstance(signed.signature, Assertion)
        known = passkey or bool(self._keys_of(signed))
        try:
            if known:
                self._verify(signed)
        except SafeconductError as error:
            return JudgedAct(entry=entry, actor=signed.act.actor, passkey=passkey, problem=error.message)
        return JudgedAct(entry=entry, actor=signed.act.actor, passkey=passkey, known=known)

    def _verify(self, signed: SignedAct) -> None:
        if not isinstance(signed.signature, Assertion):
            self._verify_key(signed)
            return
        passkey = self._passkeys.get(signed.signature.credential)
        if passkey is None:
            raise unknown_passkey()
        passkey.require_usable(signed.act.actor)
        signed.verify(passkey.key)
        self._passkeys[passkey.credential] = replace(passkey, count=signed.signature.count)

    def _verify_key(self, signed: SignedAct) -> None:
        signature, message = signed.signature, signed.act.signed_bytes()
        if isinstance(signature, Assertion) or not any(
            key.verifies(signature, message) for key in self._keys_of(signed)
        ):
            raise UnauthenticatedError(f"no known key of {signed.act.actor} signed it", code="wrong-key")

    def _keys_of(self, signed: SignedAct) -> set[PublicKey]:
        return self._keys[signed.act.actor].union(self._given)

    def _learn(self, entry: Entry) -> None:
        if entry.type == PROGRAM_PART.name:
            for change in PROGRAM_PART.read(entry).changes:
                if change.noun == "principal" and change.after and change.after.get("key"):
                    self._keys[change.name].add(PublicKey.parse(change.after["key"]))
        elif entry.type == events.REGISTERED.name:
            made = events.passkey_of(entry)
            self._passkeys.setdefault(made.credential, made)
        elif entry.type == events.CONFIRMED.name:
            self._step(events.CONFIRMED.read(entry).passkey, PasskeyStep.CONFIRM)
        elif entry.type == events.REVOKED.name:
            self._step(events.REVOKED.read(entry).passkey, PasskeyStep.REVOKE)

    def _step(self, passkey_id: str, step: PasskeyStep) -> None:
        for credential, one in self._passkeys.items():
            if one.id == passkey_id and (one.state, step) in TRANSITIONS:
                self._passkeys[credential] = one.step(step)
