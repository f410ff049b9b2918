"""`safeconduct copy`: a reader's own copy of its sealed fields, beside its mirror. It needs no installation.

The reader is the provider, the customer or the auditor of an agreement, with its own disk and its own secret key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct.access.attested import shown_orders
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.mirror import fetch_over_http
from safeconduct.adapters.reader_copy import ReaderCopy, ServedOverHttp
from safeconduct.cli.client import Key, client, place
from safeconduct.cli.keys import write_new_secret
from safeconduct.cli.named import ENOUGH
from safeconduct.cli.output import NO, NOT_AVAILABLE, Json, emit, out, require_new, write_new
from safeconduct.cli.signing import reading_headers
from safeconduct.cli.verify import NoQuorum, PolicyFile, WitnessKeys, content_of, trusted
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.disclosures import encode_disclosure
from safeconduct.ledger.naming import entry_named
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.proofs import encode_proof
from safeconduct.ledger.reader import unknown_entry
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.wrapping import SECRET_BYTES, ReaderSecret
from safeconduct.settings import private_text

commands = typer.Typer(help="A reader's own copy: key, update, open, destroy.", no_args_is_help=True)

Dir = Annotated[Path, typer.Option("--dir", help="The reader's folder for its copy.")]
Mirror = Annotated[Path, typer.Option("--mirror", help="The reader's mirror of the log, as `log mirror` made it.")]
Role = Annotated[Reader, typer.Option("--role", help="In which role of the agreement the reader reads.")]
LogKey = Annotated[str, typer.Option("--log-key", help="The log's public key, or a file with it.")]
Url = Annotated[str, typer.Option("--url", help="The log's address: http://host:port/log/<origin>.")]
Entry = Annotated[str, typer.Argument(metavar="ENTRY", help=f"An entry's id, {ENOUGH}")]
Field = Annotated[str, typer.Argument(metavar="FIELD", help="The sealed field.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="The order's entry, as `log destructions` lists it.")]
METHOD = "deleted from the reader's copy, and its key-encryption key replaced"


@dataclass(frozen=True, slots=True)
class _Opened:
    copy: ReaderCopy
    source: LogSource


@commands.command("key")
def new_key(
    out_file: Annotated[Path, typer.Option("--out", help="The key file to write. It must not exist.")],
    *,
    as_json: Json = False,
) -> None:
    """Makes the file of a reader's secret key, and prints the public half for the agreement's readers."""
    secret = ReaderSecret(system_entropy(SECRET_BYTES))
    write_new_secret(out_file, secret.text + "\n")
    emit({"file": str(out_file), "key": secret.public.text}, as_json, lambda made: out.print(made["key"], markup=False))


@commands.command()
def update(
    *,
    url: Url,
    folder: Dir,
    mirror: Mirror,
    role: Role,
    reader_key: Annotated[Path, typer.Option("--reader-key", help="The reader's secret key, as `copy key` made it.")],
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Fetches what the mirror's entries seal for this reader. Answers 1 if the keeper did not give all of it."""
    secret = ReaderSecret.parse(private_text(reader_key, "reader's key"))
    served = ServedOverHttp(fetch_over_http(url, lambda path: reading_headers(key, path)))
    trust = trusted(log_key, witness, policy, lambda: content_of(mirror), vacuous=no_quorum)
    with _opened(folder, mirror, role, trust) as here:
        taken = here.copy.update(here.source, served, secret)
    emit(msgspec.to_builtins(taken), as_json, _show_taken)
    if taken.missing:
        raise typer.Exit(NO)


@commands.command("open")
def open_(
    entry: Entry,
    field: Field,
    *,
    folder: Dir,
    mirror: Mirror,
    role: Role,
    url: Url,
    reason: Why,
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    out_file: Annotated[Path | None, typer.Option("--out", help="A file that discloses this field to others.")] = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Opens a sealed field from the reader's own copy, once the joint log says who opens it and why."""
    require_new(out_file)
    trust = trusted(log_key, witness, policy, lambda: content_of(mirror), vacuous=no_quorum)
    with _opened(folder, mirror, role, trust) as here:
        reader = here.copy.opener(here.source)
        entry = entry_named(reader, entry, lambda _: True, noun="entry", unknown=unknown_entry(entry)).id
        opening = reader.open_field(entry, field)
        checkpoint = parse_checkpoint((mirror / CHECKPOINT_PATH).read_bytes())
        proof = encode_proof(replace(reader.evidence(entry), checkpoint=checkpoint))
    recorded = client(None, key, _server(url)).post(
        place("logs", "entries", entry, "fields", field, "open"), {"reason": reason, "own_copy": True}
    )
    if not recorded["opened"]:
        waits = {"entry": entry, "field": field, "opened": None, "approval": recorded["approval"]["id"]}
        emit(waits, as_json, lambda shown: out.print(f"opening {shown['approval']} waits for both", markup=False))
        raise typer.Exit(NOT_AVAILABLE)
    if out_file is not None:
        write_new(out_file, encode_disclosure(opening, proof).encode())
    document = {"entry": entry, "field": field, "opened": recorded["opened"], "value": opening.value}
    emit(document, as_json, _show_opened)


@commands.command()
def destroy(
    order: Order,
    *,
    url: Url,
    folder: Dir,
    mirror: Mirror,
    role: Role,
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Destroys the data keys of an order that is in force, and hands in the reader's certificate."""
    trust = trusted(log_key, witness, policy, lambda: content_of(mirror), vacuous=no_quorum)
    with _opened(folder, mirror, role, trust) as here:
        keys = _ordered(here, order, role)
        _require_in_force(_server(url), order, key)
        here.copy.destroy(keys)
    certified = client(None, key, _server(url)).post(
        place("logs", "destructions", order, "certificates"), {"keys": keys, "method": METHOD}
    )
    emit(certified, as_json, lambda _shown: out.print(f"{len(keys)} data keys destroyed, and certified", markup=False))


def _show_opened(document: dict[str, Any]) -> None:
    out.print(f"opened by entry {document['opened']}", style="dim", markup=False)
    out.print(str(document["value"]), markup=False)


def _server(url: str) -> str:
    return url.partition("/log/")[0]


@contextmanager
def _opened(folder: Path, mirror: Path, role: Reader, trust: Trust) -> Iterator[_Opened]:
    copy = ReaderCopy(folder, Origin(trust.log.name), role, system_entropy)
    try:
        yield _Opened(copy, copy.source(mirror, trust))
    finally:
        copy.close()


def _ordered(here: _Opened, order: str, role: Reader) -> list[str]:
    """Returns what an order says that this reader has to destroy: as the mirror has it, and in force there."""
    log = here.copy.opener(here.source)
    orders = {one.entry.id: one for origin in log.origins() for one in shown_orders(log.entries(origin))}
    if order not in orders:
        raise AbsentError(f"the mirror has no order {order} yet", code="not-found", remedy="safeconduct log mirror URL")
    keys = orders[EntryId(order)].keys_of(role)
    if not keys:
        raise RefusedError(f"order {order} is not for the {role}", code="not-a-holder")
    if not orders[EntryId(order)].in_force:  # the keeper's word alone destroys nothing
        raise RefusedError(
            f"in the mirror order {order} is not in force: nothing was destroyed",
            code="order-not-in-force",
            remedy="safeconduct log mirror URL, once the partner's witness has cosigned the order",
        )
    return keys


def _require_in_force(server: str, order: str, key: Path | None) -> None:
    fetch = fetch_over_http(server, lambda path: reading_headers(key, path))
    document = msgspec.json.decode(fetch(place("logs", "destructions", order).lstrip("/")))
    if not document["in_force"] or document["held_by"]:
        why = f"under legal hold {', '.join(document['held_by'])}" if document["held_by"] else "not in force yet"
        raise RefusedError(f"order {order} is {why}: nothing was destroyed", code="order-not-in-force")


def _show_taken(document: dict[str, Any]) -> None:
    out.print(f"took {document['keys']} data keys and {document['blobs']} sealed fields", markup=False)
    for entry, field in document["missing"]:
        out.print(f"  the keeper has no {field} of entry {entry}", markup=False)
