"""What a verified copy of a log shows of destruction, with public keys alone. docs/spec/opening.md section 4."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from safeconduct.access.destruction_events import DESTROYED, ORDERED, DestructionOrdered, KeyDestroyed
from safeconduct.access.events import ENFORCED
from safeconduct.kernel.entries import Entry, Reader
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.acts import Envelope, SignedAct
from safeconduct.ledger.certificates import read_certificate
from safeconduct.ledger.keys import PublicKey
from safeconduct.ledger.notes import NoteError, VerifierKey
from safeconduct.ledger.sealing import HOUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """One holder's part of an order. `at` is None until it certified; `problem` says why that shows nothing, if so."""

    holder: Reader
    keys: int
    at: Instant | None = None
    method: str = ""
    by: str = ""
    problem: str = ""

    @property
    def destroyed(self) -> bool:
        """Whether its signature shows that it destroyed all of them."""
        return self.at is not None and not self.problem


@dataclass(slots=True)
class ShownOrder:
    """An order to destroy, as the entries of a log tell it. `in_force` is whether the partner cosigned it."""

    entry: Entry
    event: DestructionOrdered
    in_force: bool = False
    certified: dict[Reader, tuple[Entry, KeyDestroyed]] = field(default_factory=dict)

    def keys_of(self, holder: Reader) -> list[str]:
        """Returns the keys that a holder has to destroy, sorted."""
        return sorted(key for group in self.event.groups if holder in group.holders for key in group.keys)

    def attested(self, keys: Sequence[VerifierKey], signers: Sequence[PublicKey]) -> list[Attested]:
        """Returns each holder's part: the house's judged by the log's keys, another's by the keys of its people."""
        holders = sorted({holder for group in self.event.groups for holder in group.holders})
        return [self._attested(holder, keys, signers) for holder in holders]

    def _attested(self, holder: Reader, keys: Sequence[VerifierKey], signers: Sequence[PublicKey]) -> Attested:
        count = len(self.keys_of(holder))
        if holder not in self.certified:
            return Attested(holder=holder, keys=count)
        entry, said = self.certified[holder]
        problem = _house_problem(self, entry, said, keys) if holder == HOUSE else _act_problem(self, entry, signers)
        if sorted(said.keys) != self.keys_of(holder):
            problem = "it names other keys than the order"
        return Attested(holder=holder, keys=count, at=said.at, method=said.method, by=said.by, problem=problem)


def shown_orders(entries: Iterable[Entry]) -> list[ShownOrder]:
    """Returns the orders to destroy among a log's entries, in their order, with what was certified of each."""
    orders: dict[str, ShownOrder] = {}
    for entry in entries:
        if entry.type == ORDERED.name:
            orders[entry.id] = ShownOrder(entry, ORDERED.read(entry))
        elif entry.type == ENFORCED.name and (request := ENFORCED.read(entry).request) in orders:
            orders[request].in_force = True
        elif entry.type == DESTROYED.name and (said := DESTROYED.read(entry)).order in orders:
            orders[said.order].certified.setdefault(said.holder, (entry, said))
    return list(orders.values())


def _house_problem(order: ShownOrder, entry: Entry, said: KeyDestroyed, keys: Sequence[VerifierKey]) -> str:
    for key in keys:
        try:
            found = read_certificate(said.certificate, key)
        except NoteError:
            continue
        about = (found.origin, found.order, found.holder, found.method, found.at)
        if about == (entry.origin, order.entry.id, said.holder, said.method, said.at) and found.covers(said.keys):
            return ""
        return "its certificate is about something else"
    return "no known key of the log signed its certificate"


def _act_problem(order: ShownOrder, entry: Entry, signers: Sequence[PublicKey]) -> str:
    try:
        signed = msgspec.convert(entry.act or {}, Envelope).signed()
    except ValueError:
        return "it carries no signed act"
    if not signed.act.operation.endswith(f"/destructions/{order.entry.id}/certificates"):
        return "its signed act is about something else"
    if not any(_verifies(signed, key) for key in signers):
        return f"no given key of {signed.act.actor} signed it"
    return ""


def _verifies(signed: SignedAct, key: PublicKey) -> bool:
    try:
        signed.verify(key)
    except SafeconductError:
        return False
    return True
