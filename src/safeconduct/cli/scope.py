"""`safeconduct scope`: what may be worked on, and who showed that it may."""

import base64
import hashlib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct import settings
from safeconduct.access.assets import parse_asset
from safeconduct.access.ownership import AuthorizationKind, Rules
from safeconduct.adapters.ownership.dns_txt import LABEL
from safeconduct.adapters.ownership.http_file import WELL_KNOWN
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="What may be worked on, and who showed that it may.", no_args_is_help=True)

DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of a document whose digest is taken: contracts with their annexes are a tenth of it."""

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="A scope of the program in force.")]
Asset = Annotated[str, typer.Argument(metavar="ASSET", help="A domain, or for http-file also an address.")]
Kind = Annotated[AuthorizationKind, typer.Option("--kind", help="dns-txt, or http-file.")]
Scheme = Annotated[str, typer.Option("--scheme", help="https, or http: how an http-file is fetched.")]
Document = Annotated[Path, typer.Argument(metavar="DOCUMENT", help="The rules of engagement; their digest is signed.")]
Owner = Annotated[Path, typer.Option("--owner-key", help="The owner's key file; the scope names its public half.")]
Until = Annotated[str, typer.Option("--until", help="Until when they hold, such as 2027-01-31T00:00:00Z.")]
Targets = Annotated[list[str], typer.Option("--target", help="What they allow; may be given several times.")]
Out = Annotated[Path, typer.Option("--out", help="Where the signed statement goes.")]
Statement = Annotated[Path, typer.Argument(metavar="STATEMENT", help="What `scope sign` wrote.")]


@commands.command("list")
def list_scopes(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the scopes, and how many authorizations of each hold."""
    emit(client(data).get("/api/v1/scopes"), as_json, lambda found: rows(found, "id", "assets", "authorized"))


@commands.command()
def show(scope: Scope, *, data: Data = None, as_json: Json = False) -> None:
    """Shows what a scope lists, the challenges that stand and what was shown."""
    emit(client(data).get(place("scopes", scope)), as_json, _show)


@commands.command()
def challenge(
    scope: Scope,
    asset: Asset,
    *,
    kind: Kind = AuthorizationKind.DNS_TXT,
    scheme: Scheme = "https",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Makes the text that whoever has the asset puts up, and says where."""
    wanted = {"asset": asset, "kind": kind.value, "scheme": scheme}
    emit(client(data, key).post(place("scopes", scope, "challenge"), wanted), as_json, _put_up)


@commands.command()
def verify(
    scope: Scope,
    asset: Asset,
    *,
    kind: Kind = AuthorizationKind.DNS_TXT,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Looks whether the text is there. Exit 1 if it is not."""
    found = client(data, key).post(place("scopes", scope, "verify"), {"asset": asset, "kind": kind.value})
    emit(found, as_json, _looked)
    if found["looked_at"] is None or found["problem"]:
        raise typer.Exit(1)


@commands.command()
def sign(
    scope: Scope,
    document: Document,
    *,
    owner_key: Owner,
    until: Until,
    target: Targets,
    out_file: Out,
    data: Data = None,
) -> None:
    """Signs rules of engagement as the owner: the document's digest, for these targets, until then."""
    _, owner = settings.read_key(owner_key)
    agreement = client(data).get("/api/v1/programs")["agreement"]
    rules = Rules(
        origin=agreement["origin"] if agreement else "",
        scope=scope,
        document=_digest(document),
        targets=tuple(str(parse_asset(one)) for one in target),
        until=until,
    )
    statement = {"rules": rules, "signature": base64.b64encode(owner.sign(rules.message)).decode()}
    out_file.write_bytes(msgspec.json.encode(statement) + b"\n")
    out.print(f"{out_file}: {rules.document} for {', '.join(rules.targets)}", markup=False)


@commands.command()
def rules(scope: Scope, statement: Statement, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Puts rules of engagement on record that the owner has signed."""
    try:
        wanted = msgspec.json.decode(statement.read_bytes())
    except msgspec.DecodeError as error:
        raise InvalidInputError(
            f"{statement} is not what `scope sign` writes: {error}", code="rules-invalid"
        ) from error
    emit(client(data, key).post(place("scopes", scope, "rules"), wanted), as_json, _authorized)


def _digest(document: Path) -> str:
    with document.open("rb") as file:
        content = file.read(DOCUMENT_BYTES_MAX + 1)
    if len(content) > DOCUMENT_BYTES_MAX:
        raise InvalidInputError(f"{document} is over {DOCUMENT_BYTES_MAX} bytes", code="too-large")
    return hashlib.sha256(content).hexdigest()


def _show(found: dict[str, Any]) -> None:
    out.print(f"{found['id']}: {found['authorization']}", markup=False)
    out.print(f"targets: {', '.join(found['targets'])}", markup=False)
    for one in found["authorizations"]:
        _authorized(one)
    for one in found["challenges"]:
        _looked(one)


def _authorized(one: dict[str, Any]) -> None:
    state = "holds until" if one["holds"] else "ended at"
    out.print(f"{one['kind']}: {', '.join(one['assets'])}, {state} {one['expires_at']}, {one['where']}", markup=False)


def _looked(one: dict[str, Any]) -> None:
    if one["looked_at"] is None:
        out.print(f"{one['kind']} {one['asset']}: not looked for yet", markup=False)
    else:
        out.print(f"{one['kind']} {one['asset']}: {one['problem'] or 'found'} at {one['looked_at']}", markup=False)


def _put_up(one: dict[str, Any]) -> None:
    if one["kind"] == AuthorizationKind.DNS_TXT:
        out.print(f"put a TXT record at {LABEL}.{one['asset']} that says", markup=False)
    else:
        host = f"[{one['asset']}]" if ":" in one["asset"] else one["asset"]
        out.print(f"put a file at {one['scheme']}://{host}{WELL_KNOWN}{one['token']} that says", markup=False)
    out.print(one["text"], markup=False, soft_wrap=True)
    command = f"safeconduct scope verify {one['scope']} {one['asset']} --kind {one['kind']}"
    out.print(f"then: {command}", style="dim", markup=False)
