"""`safeconduct rules`: detection rules."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.cli.rule_files import encoded, read_rules
from safeconduct.cli.rules_shown import (
    show_added,
    show_check,
    show_collections,
    show_coverage,
    show_queries,
    show_rules,
    show_tried,
)
from safeconduct.cli.tune_outs import tune_in, tune_out, tune_outs
from safeconduct.soc.attack import attack_table
from safeconduct.soc.detection.coverage import Coverage, layer
from safeconduct.soc.detection.model import Problem, RuleSet
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


@commands.command(name="list")
def list_(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the rules in use: those that ship, and those of your collections."""
    emit(client(data, key).get("/api/v1/rules", owner=owner), as_json, show_rules)


@commands.command()
def collections(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists your collections of rules, the filters in use, and what is set aside, with why."""
    emit(client(data, key).get("/api/v1/rules/collections", owner=owner), as_json, show_collections)


@commands.command()
def add(
    name: Name, paths: Files, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Takes Sigma rules in under a name, in the place of those of that name before."""
    added = client(data, key).post("/api/v1/rules/collections", encoded(paths), name=name, owner=owner)
    emit(added, as_json, show_added)


@commands.command(name="try")
def try_(
    name: Name, paths: Files, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Runs Sigma rules as if they stood under a name: what of the past they find, what is new. Exit 1: some is lost."""
    tried = client(data, key).post("/api/v1/rules/collections/try", encoded(paths), name=name, owner=owner)
    emit(tried, as_json, show_tried)
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
    emit(found, as_json, show_coverage)


@commands.command()
def check(paths: Paths = None, *, as_json: Json = False) -> None:
    """Tells of each Sigma rule whether it can be run here, and if not, what of it cannot."""
    from safeconduct.soc.detection.parsing import check as check_files  # noqa: PLC0415 - 6 MB; others read no rule

    files = read_rules(paths) if paths else shipped_files()
    rules, problems = check_files(files)
    document = {
        "files": len(files),
        "rules": len(rules.heads()),
        "filters": [one.told() for one in rules.filters],
        "problems": _told(problems),
        "techniques_not_in_use": _not_in_use(rules),
    }
    emit(document, as_json, show_check)
    if problems:
        raise typer.Exit(NO)


@commands.command()
def convert(paths: Files, *, to: To, pipeline: Pipeline = "", as_json: Json = False) -> None:
    """Writes Sigma rules as queries of another product, by pySigma's back ends."""
    from safeconduct.soc.detection.converting import convert as convert_files  # noqa: PLC0415 - as `check`

    queries, problems = convert_files(read_rules(paths), to, pipeline)
    emit({"queries": queries, "problems": _told(problems)}, as_json, show_queries)
    if problems:
        raise typer.Exit(NO)


def _not_in_use(rules: RuleSet) -> list[dict[str, str]]:
    return [
        {"rule": head.id, "title": head.title, "technique": name}
        for head in rules.heads()
        for name in head.techniques
        if not attack_table().in_use(name)
    ]


def _told(problems: Iterable[Problem]) -> list[dict[str, str]]:
    return [{"file": p.name, "rule": p.rule, "code": p.error.code, "message": p.error.message} for p in problems]
