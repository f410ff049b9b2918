"""Rules of one's own beside those that ship: added and removed by name, each an entry in the log.

The rule files stay with the raw files, under their digest; the log says which stand since when, and by whose act.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.naming import given_name
from safeconduct.soc.owners import detects_for, origin_of
from safeconduct.soc.trials.rule_events import check_tried

FILES_MAX = 20_000
"""Files of one collection. The largest public one has some 4,000; what is larger is better told apart by name."""

COLLECTIONS_MAX = 100
"""Collections of one owner; each is read whole when rules are next run."""


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule file: its name, below the folder it came from, and its text."""

    name: str
    text: str


class RuleFiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of a collection."""

    files: list[RuleFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAdded:
    """A collection of rules stands under a name from now on, in the place of the one before.

    `digest` is of the files as they are kept; `rules` can be run, `aside` are set aside. `owner` is whose telemetry
    they are run on, empty for the house.
    """

    name: str
    digest: str
    files: int
    rules: int
    aside: int
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesRemoved:
    """A collection of rules stands no more."""

    name: str
    digest: str
    owner: str = HOUSE_OWNED


ADDED = EventType("soc.rules.added/1", RulesAdded, Retention.OPERATIONS)
REMOVED = EventType("soc.rules.removed/1", RulesRemoved, Retention.OPERATIONS)
RULES = Collection("rule_collections", RulesAdded)  # at the owner and the name


def read_files(body: bytes) -> tuple[tuple[str, str], ...]:
    """Reads the files of a collection as (name, text).

    Raises:
        InvalidInputError: they are none, or too many.
    """
    try:
        files = msgspec.json.decode(body, type=RuleFiles).files
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"expected rule files: {error}", remedy='send {"files": [{"name": "x.yml", "text": "title: ..."}]}'
        ) from error
    if not 0 < len(files) <= FILES_MAX:
        raise InvalidInputError(f"expected 1 to {FILES_MAX:,} rule files, not {len(files):,}")
    return tuple((file.name, file.text) for file in files)


def collection_name(name: str) -> str:
    """Returns the name of a collection, as `given_name`."""
    return given_name(name, "collection", "sigmahq")


def collections(records: Records, owner: str) -> tuple[RulesAdded, ...]:
    """Returns the collections that stand for an owner, by name."""
    return tuple(one for _, one in records.scan(RULES, owned_key(owner)))


def add_rules(tx: Transaction, signed: SignedAct, added: RulesAdded, *, operation: str, content: str) -> bool:
    """Records that a collection stands, and tells whether that was new.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`, and `rule_events.check_tried`.
        InvalidInputError: one more than COLLECTIONS_MAX.
    """
    detects_for(tx, signed, operation=operation, content=content, owner=added.owner)
    former = tx.get(RULES, owned_key(added.owner, added.name))
    if former == added:
        return False
    if former is None and len(collections(tx, added.owner)) >= COLLECTIONS_MAX:
        raise InvalidInputError(
            f"{COLLECTIONS_MAX} collections of rules stand already", remedy="safeconduct rules remove NAME"
        )
    check_tried(tx, added.owner, added.name, added.digest)
    tx.append(origin_of(tx), ADDED.draft(added, subject="rules", act=signed.envelope()))
    return True


def remove_rules(
    tx: Transaction, signed: SignedAct, name: str, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> RulesAdded:
    """Records that a collection stands no more, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: none of that name stands (`rules-unknown`).
    """
    detects_for(tx, signed, operation=operation, content=content, owner=owner)
    former = tx.get(RULES, owned_key(owner, name))
    if former is None:
        raise AbsentError(
            f"no collection of rules is named {name[:64]!r}", code="rules-unknown", remedy="safeconduct rules list"
        )
    event = RulesRemoved(name=name, digest=former.digest, owner=owner)
    tx.append(origin_of(tx), REMOVED.draft(event, subject="rules", act=signed.envelope()))
    return former


def kept(files: Iterable[tuple[str, str]]) -> bytes:
    """Returns the bytes under which files are kept: the same files are the same bytes, in whatever order they came."""
    return msgspec.json.encode(RuleFiles([RuleFile(name, text) for name, text in sorted(files)]))


def _added(state: State, entry: Entry) -> None:
    event = ADDED.read(entry)
    state.put(RULES, owned_key(event.owner, event.name), event)
    record_act(state, entry)


def _removed(state: State, entry: Entry) -> None:
    event = REMOVED.read(entry)
    state.delete(RULES, owned_key(event.owner, event.name))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {ADDED.name: _added, REMOVED.name: _removed}
