"""`safeconduct rules`: detection rules."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NO, Json, emit, err, out, rows
from safeconduct.cli.tune_outs import tune_in, tune_out, tune_outs
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.attack import attack_table
from safeconduct.soc.detection.coverage import Coverage, layer
from safeconduct.soc.detection.shipped import shipped_files

commands = typer.Typer(help="Detection rules, written in Sigma.", no_args_is_help=True)

Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE_OR_FOLDER...]", help="Sigma rules; by default ours.")
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Sigma rules and filters.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the collection is called, such as sigmahq.")]
Owner = Annotated[
    str, typer.Option("--owner", metavar="ORGANIZATION", help="Your organization, for rules on its own telemetry.")
]
To = Annotated[str, typer.Option("--to", metavar="TARGET", help="splunk, elasticsearch, esql, eql or kusto.")]
Pipeline = Annotated[
    str, typer.Option("--pipeline", metavar="NAME", help="Whose field names: such as microsoft_xdr, or none.")
]
Layer = Annotated[
    Path | None, typer.Option("--layer", metavar="FILE", help="Write it as a layer for ATT&CK Navigator.")
]

commands.command(name="tune-out")(tune_out)
commands.command(name="tune-outs")(tune_outs)
commands.command(name="tune-in")(tune_in)

SHOWN_MAX = 20
"""Rows that are shown to people of what may be thousands; --json has all."""


@commands.command(name="list")
def list_(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the rules in use: those that ship, and those of your collections."""
    emit(client(data, key).get("/api/v1/rules", owner=owner), as_json, _show)


@commands.command()
def collections(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists your collections of rules, the filters in use, and what is set aside, with why."""
    emit(client(data, key).get("/api/v1/rules/collections", owner=owner), as_json, _show_collections)


@commands.command()
def add(
    name: Name, paths: Files, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Takes Sigma rules in under a name, in the place of those of that name before."""
    added = client(data, key).post("/api/v1/rules/collections", _encoded(paths), name=name, owner=owner)
    emit(added, as_json, _show_added)


@commands.command(name="try")
def try_(
    name: Name, paths: Files, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Runs Sigma rules as if they stood under a name: what of the past they find, what is new. Exit 1: some is lost."""
    tried = client(data, key).post("/api/v1/rules/collections/try", _encoded(paths), name=name, owner=owner)
    emit(tried, as_json, _show_tried)
    if tried["tried"]["lost"]:
        raise typer.Exit(NO)


@commands.command()
def remove(name: Name, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Takes a collection of rules out of use."""
    gone = client(data, key).post(place("rules", "collections", name, "remove"), owner=owner)
    emit(gone, as_json, lambda told: out.print(f"{told['removed']['name']} is removed", markup=False))


@commands.command()
def coverage(
    *,
    file: Layer = None,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Says which techniques of ATT&CK the rules look for, and which of it there is telemetry for."""
    found = client(data, key).get("/api/v1/rules/coverage", owner=owner)
    if file is not None:
        document = layer(msgspec.convert(found, Coverage), "Safeconduct")
        file.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    emit(found, as_json, _show_coverage)


@commands.command()
def check(paths: Paths = None, *, as_json: Json = False) -> None:
    """Tells of each Sigma rule whether it can be run here, and if not, what of it cannot."""
    from safeconduct.soc.detection.parsing import check as check_files  # noqa: PLC0415 - 6 MB; others read no rule

    files = read_rules(paths) if paths else shipped_files()
    rules, problems = check_files(files)
    unknown = [
        {"rule": head.id, "title": head.title, "technique": name}
        for head in rules.heads()
        for name in head.techniques
        if not attack_table().in_use(name)
    ]
    told = [{"file": p.name, "rule": p.rule, "code": p.error.code, "message": p.error.message} for p in problems]
    document = {
        "files": len(files),
        "rules": len(rules.heads()),
        "filters": [one.told() for one in rules.filters],
        "problems": told,
        "techniques_not_in_use": unknown,
    }
    emit(document, as_json, _show_check)
    if problems:
        raise typer.Exit(NO)


@commands.command()
def convert(paths: Files, *, to: To, pipeline: Pipeline = "", as_json: Json = False) -> None:
    """Writes Sigma rules as queries of another product, by pySigma's back ends."""
    from safeconduct.soc.detection.converting import convert as convert_files  # noqa: PLC0415 - as `check`

    queries, problems = convert_files(read_rules(paths), to, pipeline)
    told = [{"file": p.name, "rule": p.rule, "code": p.error.code, "message": p.error.message} for p in problems]
    emit({"queries": queries, "problems": told}, as_json, _show_queries)
    if problems:
        raise typer.Exit(NO)


def read_rules(paths: list[Path]) -> list[tuple[str, str]]:
    """Returns the names and texts of rule files, those of a folder and below it.

    Raises:
        InvalidInputError: `file-unreadable`.
    """
    files: list[tuple[str, str]] = []
    for path in paths:
        found = sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]
        try:
            files += [(str(item), item.read_text(encoding="utf-8")) for item in found]
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"cannot read {path}: {error}", code="file-unreadable") from error
    return files


def _encoded(paths: list[Path]) -> bytes:
    files = [{"name": _below(paths, file), "text": text} for file, text in read_rules(paths)]
    return msgspec.json.encode({"files": files})


def _below(paths: list[Path], file: str) -> str:
    """Returns a file's name below the folder that was given: where that lies is this machine's affair."""
    folder = next((path for path in paths if path.is_dir() and Path(file).is_relative_to(path)), Path(file).parent)
    return Path(file).relative_to(folder).as_posix()


def _show(listed: list[dict[str, Any]]) -> None:
    shown = [row | {"techniques": " ".join(row["techniques"])} for row in listed if row["alerts"]]
    rows(shown, "level", "title", "techniques")
    out.print(f"and {len(listed) - len(shown)} that these count", style="dim")


def _show_collections(document: dict[str, Any]) -> None:
    rows(document["collections"], "name", "files", "rules", "aside", "digest")
    _show_filters(document["filters"])
    _show_aside(document["aside"])


def _show_added(document: dict[str, Any]) -> None:
    added = document["collection"]
    out.print(f"{added['name']}: {added['files']} files, {added['rules']} rules in use", markup=False)
    _show_filters(document["filters"])
    _show_aside(document["aside"])


def _show_tried(document: dict[str, Any]) -> None:
    per_day = document["tried"]["new"] / document["days"]
    out.print(
        f"{document['events']:,} events of {document['days']} days: {document['alerts_before']} alerts before, "
        f"{document['alerts_after']} after; {document['tried']['new']} new, {per_day:.1f} a day",
        markup=False,
    )
    for disposition in sorted({one["disposition"] for one in document["cases"]}):
        closed = [one for one in document["cases"] if one["disposition"] == disposition]
        before, after = (sum(one[when] for one in closed) for when in ("before", "after"))
        out.print(f"  closed as {disposition}: {len(closed)}, found before {before}, after {after}", markup=False)
    rows(document["rules"][:SHOWN_MAX], "new", "gone", "level", "title")
    lost = document["tried"]["lost"]
    for incident in lost[:SHOWN_MAX]:
        out.print(f"  lost: {incident}", style="yellow", markup=False)
    if len(lost) > SHOWN_MAX:
        out.print(f"  and {len(lost) - SHOWN_MAX} more, with --json", style="dim")


def _show_filters(filters: list[dict[str, Any]]) -> None:
    for one in filters:
        missing = f" (not here: {', '.join(one['unknown'])})" if one["unknown"] else ""
        out.print(f"  filter: {one['title']}{missing}", markup=False)


def _show_aside(aside: list[dict[str, Any]]) -> None:
    if aside:
        out.print(f"{len(aside)} set aside:")
    for one in aside[:SHOWN_MAX]:
        out.print(f"  {one['message']} ({one['code']})", markup=False)
    if len(aside) > SHOWN_MAX:
        out.print(f"  and {len(aside) - SHOWN_MAX} more, with --json", style="dim")


def _show_coverage(found: dict[str, Any]) -> None:
    rows(found["tactics"], "id", "name", "techniques", "covered", "with_data", "rules")
    out.print()
    rows(found["sources"][:SHOWN_MAX], "rules", "seen", "category", "product", "service")
    out.print(
        f"{found['rules']} rules, {found['without_technique']} without a technique; seen in {found['sampled']:,} events"
    )


def _show_queries(document: dict[str, Any]) -> None:
    for one in document["queries"]:
        for query in one.queries:
            out.print(query, markup=False)
    for problem in document["problems"]:
        err.print(f"{problem['message']} ({problem['code']})", markup=False)


def _show_check(document: dict[str, Any]) -> None:
    out.print(f"{document['files']} files, {document['rules']} rules can be run, {len(document['filters'])} filters")
    _show_filters([one for one in document["filters"] if one["unknown"]])
    for problem in document["problems"]:
        out.print(f"  {problem['message']} ({problem['code']})", markup=False)
    for name in document["techniques_not_in_use"]:
        out.print(f"  {name['title']}: ATT&CK does not use {name['technique']} (any more)", markup=False)
