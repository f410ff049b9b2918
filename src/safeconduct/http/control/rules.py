"""Detection rules: those in use, one's own collections, and what they cover."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, read_owners, rules_of
from safeconduct.http.control.signed import SignedBytes
from safeconduct.kernel.errors import RefusedError
from safeconduct.soc import owners, rule_collections, telemetry_service
from safeconduct.soc.attack import attack_table
from safeconduct.soc.detection.coverage import coverage, sample
from safeconduct.soc.detection.in_use import InUse, Kept
from safeconduct.soc.rule_collections import RulesAdded

if TYPE_CHECKING:
    from safeconduct.soc.detection.model import Problem

router = APIRouter(prefix="/api/v1/rules", tags=["telemetry"])

Collection = Annotated[str, Query(max_length=64, description="The name of the collection, such as sigmahq.")]
SignedRules = Annotated[SignedBytes, Content("application/json", 'Rule files: `{"files": [{"name", "text"}]}`.')]


@router.get("")
async def rules(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Lists the rules in use: those that ship, those on model assets, and those of the owner's collections."""
    found = await rules_read(control, reader, owner)
    return answer([asdict(head) for head in found.rules.heads()])


@router.get("/collections")
async def collections(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Lists the owner's collections, the filters in use, and what of the rules is set aside, with why.

    Of each filter it says which rules it names that are not here.
    """
    found = await rules_read(control, reader, owner)
    with control.snapshot() as records:
        kept = rule_collections.collections(records, owners.owner_name(records, owner))
    filters = [one.told() for one in found.rules.filters]
    return answer({"collections": kept, "filters": filters, "aside": _aside(found)})


@router.get("/coverage")
async def covered(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Says which techniques of ATT&CK the rules look for, and which log sources of theirs there are events of."""
    found = await rules_read(control, reader, owner)
    with control.snapshot() as records:
        owner = owners.owner_name(records, owner)
        first, last = telemetry_service.span_of(records, owner)
    events = sample(control.archives.of(owner).events, first, last)
    return answer(await asyncio.to_thread(coverage, found.rules, events, attack_table()))


@router.post("/collections")
async def add(control: Installation, signed: SignedRules, *, name: Collection, owner: Owner = "") -> Response:
    """Takes a collection of rules in, in the place of the one of that name; what can't be run is set aside, by name."""
    name = rule_collections.collection_name(name)
    owner = await admit(control, signed, owner)
    files = rule_collections.read_files(signed.body)
    added, filters, aside = await asyncio.to_thread(_taken, control, name, owner, files)
    committed = await commit(
        control.writer,
        lambda tx: rule_collections.add_rules(
            tx, signed.act, added, operation=signed.operation, content=signed.content
        ),
    )
    return answer({"collection": added, "filters": filters, "aside": aside, "recorded": committed.value})


@router.post("/collections/{name}/remove")
async def remove(control: Installation, signed: SignedAlone, name: str, owner: Owner = "") -> Response:
    """Takes a collection out of use. Alerts that its rules made keep their entries, and lose their matches."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: rule_collections.remove_rules(
            tx, signed.act, name, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"removed": committed.value})


def _taken(
    control: Control, name: str, owner: str, files: tuple[tuple[str, str], ...]
) -> tuple[RulesAdded, list[dict[str, object]], list[dict[str, Any]]]:
    """Keeps the files, and says of them, as they stand among the owner's other rules, what the entry will."""
    content = rule_collections.kept(files)
    digest = control.archives.of(owner).telemetry.keep_aside(name, content, "rules")
    found = rules_of(control, owner, Kept(name, digest, lambda: files))()
    without = rules_of(control, owner, Kept(name, "", tuple))()
    aside = [one for one in found.aside if one.name.startswith(f"{name}/")]
    added = RulesAdded(
        name=name,
        digest=digest,
        files=len(files),
        rules=len(found.rules.heads()) - len(without.rules.heads()),
        aside=len(aside),
        owner=owner,
    )
    filters = [one.told() for one in found.rules.filters if one.name.startswith(f"{name}/")]
    return added, filters, [_problem(one) for one in aside]


async def rules_read(control: Control, reader: Reader, owner: str) -> InUse:
    """Returns an owner's rules.

    Raises:
        RefusedError: `not-yours`: the reader does not read the owner's telemetry.
    """
    with control.snapshot() as records:
        name = owners.owner_name(records, owner)
        if name not in read_owners(control, records, reader):
            raise RefusedError(
                f"{reader.principal} does not read the telemetry of {owner[:64] or 'the house'!r}",
                code="not-yours",
                clause=f"principal:{reader.principal}/organization",
                remedy="ask somebody of that organization",
            )
    return await asyncio.to_thread(rules_of(control, name))


def _aside(found: InUse) -> list[dict[str, Any]]:
    return [_problem(one) for one in found.aside]


def _problem(one: "Problem") -> dict[str, Any]:
    return {
        "file": one.name,
        "rule": one.rule,
        "title": one.title,
        "code": one.error.code,
        "message": one.error.message,
    }
