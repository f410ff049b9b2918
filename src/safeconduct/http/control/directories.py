"""Directories: what speaks for an organization's, whom it names, and who of the program it does not know.

Names of people are sealed, and not shown here: who needs one opens the field of the entry that is named.
"""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.directory.credentials import MadeCredential, credentials, issue_credential, revoke_credential
from safeconduct.access.directory.model import DirectoryCredential
from safeconduct.access.directory.reviewing import Orphan, Person, counted, orphans, people
from safeconduct.access.reading_rights import PROTECTORS, Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.instants import parse_rfc3339, rfc3339

router = APIRouter(prefix="/api/v1/directories", tags=["directories"])


class Connect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until when the credential holds (RFC 3339)."""

    expires_at: str


@router.get("")
def directories(_reading: Reading, control: Installation) -> Response:
    """Returns each organization whose directory is connected: what speaks for it, how many it names, since when."""
    with control.snapshot() as records:
        found = counted(records)
        held = [_credential(one) for one in credentials(records)]
    return answer(
        [
            {
                "organization": name,
                "users": one.users,
                "groups": one.groups,
                "changed_at": None if one.changed_at is None else rfc3339(one.changed_at),
                "credentials": [each for each in held if each["organization"] == name],
            }
            for name, one in found.items()
        ]
    )


@router.post("/{organization}/connect")
async def connect(signed: SignedJson[Connect], control: Installation, organization: str) -> Response:
    """Issues a credential for a directory. This answer is the only place where its secret ever stands."""
    expires_at = parse_rfc3339(signed.body.expires_at)
    committed = await commit(
        control.writer,
        lambda tx: issue_credential(
            tx,
            control.entropy,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            organization=OrganizationId(organization),
            expires_at=expires_at,
        ),
    )
    return answer(_issued(committed.value))


@router.post("/credentials/{credential_id}/revoke")
async def revoke(signed: SignedAlone, control: Installation, credential_id: str) -> Response:
    """Revokes a directory's credential, at once. What it said stands."""
    await commit(
        control.writer,
        lambda tx: revoke_credential(
            tx, signed.act, operation=signed.operation, content=signed.content, credential_id=credential_id
        ),
    )
    return answer({"id": credential_id, "state": "revoked"})


@router.get("/{organization}/people")
def named(reader: Reading, control: Installation, organization: str) -> Response:
    """Returns whom a directory names: by id, with groups, and who that is in the program."""
    with control.snapshot() as records:
        found = people(records, organization) if _protects(reader, organization) else ()
        return answer([_person(one) for one in found])


@router.get("/{organization}/orphans")
def unknown(reader: Reading, control: Installation, organization: str) -> Response:
    """Returns the people of an organization whom the program names and its directory does not know, and why."""
    with control.snapshot() as records:
        found = orphans(records, organization) if reader.oversees or _protects(reader, organization) else ()
        return answer([_orphan(one) for one in found])


def _protects(reader: Reader, organization: str) -> bool:
    return reader.local or (reader.has(PROTECTORS) and reader.organization == organization)


def _issued(made: MadeCredential) -> dict[str, Any]:
    return {
        "id": made.id,
        "organization": made.organization,
        "expires_at": rfc3339(made.expires_at),
        "path": f"/scim/v2/{made.organization}",
        "secret": made.secret,
    }


def _credential(one: DirectoryCredential) -> dict[str, Any]:
    return {
        "id": one.id,
        "organization": one.organization,
        "by": one.by,
        "issued_at": rfc3339(one.issued_at),
        "expires_at": rfc3339(one.expires_at),
    }


def _person(one: Person) -> dict[str, Any]:
    return {
        "user": one.user,
        "active": one.active,
        "principal": one.principal,
        "state": one.state,
        "groups": list(one.groups),
        "changed_at": rfc3339(one.changed_at),
        "entry": one.entry,
    }


def _orphan(one: Orphan) -> dict[str, Any]:
    return {"principal": one.principal, "why": one.why, "suspended": one.suspended, "remedy": one.remedy}
