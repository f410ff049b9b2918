"""`safeconduct prompt`: in which words models are asked about incidents, and trials of other words."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct.cli.client import Client, Data, Key, client, place
from safeconduct.cli.detect import Owner
from safeconduct.cli.output import NO, Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.prompts.model import PromptKind

commands = typer.Typer(help="The words in which models are asked about incidents, by version.", no_args_is_help=True)

Kind = Annotated[PromptKind, typer.Argument(metavar="KIND", help="triage, explain or hunt.")]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="TOML: `system`, `request`, of hunts `found`."),
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="From `prompt list`, or a kind: what is in force.")]
Candidate = Annotated[str, typer.Argument(metavar="VERSION", help="The version to try, from `prompt list`.")]
Trial = Annotated[str, typer.Argument(metavar="TRIAL", help="The trial's id, from `prompt trials`.")]
PathOption = Annotated[str, typer.Option("--path", help="A path that pseudonymizes: past incidents never leave raw.")]
Principal = Annotated[str, typer.Option("--as", help="On whose grant; by default your service's, else your own.")]
Model = Annotated[str, typer.Option("--model", help="Which of the path's models; by default its first.")]
Incidents = Annotated[int, typer.Option("--incidents", help="On how many, those that people closed last.")]
Tokens = Annotated[int, typer.Option("--tokens", help="How many tokens it may take in all.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is sealed in the log.")]


@commands.command(name="list")
def list_(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the prompts that ship and your own, and which are in force."""
    found = client(data, key).get("/api/v1/prompts", owner=owner)
    emit(found, as_json, lambda listed: rows([_marked(one) for one in listed], "kind", "number", "version", "by", ""))


@commands.command()
def show(version: Version, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows the words of a version, in the form that `prompt add` takes."""
    here = client(data, key)
    if "/" not in version:
        version = _in_force(here, version, owner)
    emit(here.get(place("prompts", *version.split("/", 1)), owner=owner), as_json, _show)


@commands.command()
def add(
    kind: Kind, file: File, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Registers a prompt, so that it can be tried. What is in force stays so."""
    added = client(data, key).post("/api/v1/prompts", {"kind": kind, **_read(file)}, owner=owner)
    emit(added, as_json, lambda one: out.print(f"safeconduct prompt try {one['registered']['version']}", markup=False))


@commands.command(name="try")
def try_(
    candidate: Candidate,
    *,
    path: PathOption,
    principal: Principal = "",
    model: Model = "",
    incidents: Incidents = 50,
    tokens: Tokens = 500_000,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Asks this version and the one in force about incidents that people closed, and compares. Exit 1: not enough."""
    here = client(data, key)
    asked = {
        "candidate": candidate,
        "path": path,
        "principal": principal,
        "model": model,
        "cases": incidents,
        "tokens": tokens,
    }
    _go_on(here, here.post("/api/v1/trials", asked, owner=owner)["trial"], as_json=as_json)


@commands.command()
def resume(trial: Trial, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Goes on with a trial where it stopped. Exit 1: what it shows is not enough to promote."""
    _go_on(client(data, key), trial, as_json=as_json)


@commands.command()
def trials(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the trials, the latest first."""
    columns = ("trial", "candidate", "baseline", "path", "model", "over", "of", "tokens")
    emit(client(data).get("/api/v1/trials"), as_json, lambda listed: rows(listed, *columns))


@commands.command()
def trial(trial: Trial, *, data: Data = None, as_json: Json = False) -> None:
    """Shows what a trial found. Exit 1: it is not enough to promote."""
    _told(client(data).get(place("trials", trial)), as_json=as_json)


@commands.command()
def promote(trial: Trial, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Puts the version that a trial tried in force, if the trial shows that it is not worse."""
    told = client(data, key).post(place("trials", trial, "promote"))
    emit(told, as_json, lambda one: out.print(f"{one['promoted']['version']} is in force", markup=False))


@commands.command()
def demote(
    kind: Kind, *, reason: Reason, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Puts what ships in force again, at once."""
    told = client(data, key).post("/api/v1/prompts/demote", {"kind": kind, "reason": reason}, owner=owner)
    emit(told, as_json, lambda one: out.print(f"{one['in_force']} is in force", markup=False))


def _go_on(here: Client, trial: str, *, as_json: bool) -> None:
    """Asks pair after pair until the trial is over or one fails: what is the matter then stops the others, too."""
    document = here.get(place("trials", trial))
    while not document["complete"]:
        document = here.post(place("trials", trial, "next"))
        if not as_json:
            out.print(_progress(document), markup=False)
        failed = document["pair"]["candidate"]["failed"] or document["pair"]["baseline"]["failed"]
        if failed:
            out.print(f"stopped: {failed}. Go on with safeconduct prompt resume {trial}", markup=False)
            break
    _told(here.get(place("trials", trial)), as_json=as_json)


def _progress(row: dict[str, Any]) -> str:
    pair = row["pair"]
    sides = (f"{one['verified']} of {one['claims']} claims, {one['judgment'] or 'no verdict'}" for one in _sides(pair))
    return f"{row['over']} of {row['of']}  {pair['incident'][:8]} {pair['disposition']}: " + " | ".join(sides)


def _told(document: dict[str, Any], *, as_json: bool) -> None:
    emit(document, as_json, _show_trial)
    if document["against"]:
        raise typer.Exit(NO)


def _show_trial(document: dict[str, Any]) -> None:
    found = document["comparison"]
    out.print(f"trial {document['trial']} on {document['path']}, {document['model']}", style="bold", markup=False)
    for name in ("candidate", "baseline"):
        side, (low, high) = found[name], found[name]["right_share"]
        cost = "not known" if side["micro_usd"] is None else f"{side['micro_usd'] / 1_000_000:.4f} USD"
        claims = f"{side['verified']} of {side['claims']} claims verified, {side['unreadable']} unreadable"
        verdicts = f"{side['right']} of {found['pairs']} verdicts right ({low:.3f} to {high:.3f})"
        out.print(f"  {document[name]}: {claims}; {verdicts}; {side['tokens']:,} tokens, {cost}", markup=False)
    for side in ("attacks", "others"):
        of = found[side]
        told = f"{of['candidate']} and {of['baseline']} of {of['cases']} {side} judged rightly"
        out.print(f"  {told}", markup=False)
    out.print(
        f"  verdicts that one alone got right: {found['only_candidate']} and {found['only_baseline']} "
        f"(McNemar p {found['verdicts_uneven']:.3f}); difference at least {found['lower']:+.3f}",
        markup=False,
    )
    out.print(
        f"  incidents with a larger and with a smaller share verified: {found['better']} and {found['worse']} "
        f"(p {found['uneven']:.3f})",
        markup=False,
    )
    for one in document["against"]:
        out.print(f"  not enough: {one['text']} ({one['code']})", style="yellow", markup=False)


def _show(document: dict[str, Any]) -> None:
    out.print(f"# {document['version']}", markup=False)
    for name in ("system", "request", "found"):
        if document[name]:
            out.print(f"{name} = {_toml(document[name])}", markup=False, soft_wrap=True)


def _toml(text: str) -> str:
    # Lines as lines where that needs no escapes; a string in JSON is one in TOML.
    return msgspec.json.encode(text).decode() if "\\" in text or '"""' in text else f'"""\n{text}"""'


def _sides(pair: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return pair["candidate"], pair["baseline"]


def _marked(one: dict[str, Any]) -> dict[str, Any]:
    return one | {"by": one["by"] or "ships", "": "in force" if one["in_force"] else ""}


def _in_force(here: Client, kind: str, owner: str) -> str:
    listed = here.get("/api/v1/prompts", owner=owner)
    found = next((one["version"] for one in listed if one["kind"] == kind and one["in_force"]), "")
    if not found:
        raise InvalidInputError(f"{kind[:64]!r} is no kind of question: expected {', '.join(PromptKind)}")
    return str(found)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"cannot read {file}: {error}", code="file-unreadable") from error
