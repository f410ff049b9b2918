"""`safeconduct rules`: detection rules."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.cli.output import NO, Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.attack import attack_table
from safeconduct.soc.detection.ir import Head
from safeconduct.soc.detection.shipped import shipped_files, shipped_rules

commands = typer.Typer(help="Detection rules, written in Sigma.", no_args_is_help=True)

Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE_OR_FOLDER...]", help="Sigma rules; by default ours.")
]


@commands.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """Lists the rules that ship."""
    emit([_row(head) for head in shipped_rules().heads()], as_json, _show)


@commands.command()
def check(paths: Paths = None, *, as_json: Json = False) -> None:
    """Tells of each Sigma rule whether it can be run here, and if not, what of it cannot."""
    from safeconduct.soc.detection.parsing import check as check_files  # noqa: PLC0415 - as in `shipped_rules`

    files = _read(paths) if paths else shipped_files()
    rules, problems = check_files(files)
    unknown = [
        {"rule": head.id, "title": head.title, "technique": name}
        for head in rules.heads()
        for name in head.techniques
        if not attack_table().in_use(name)
    ]
    told = [{"file": p.name, "code": p.error.code, "message": p.error.message} for p in problems]
    document = {"files": len(files), "rules": len(rules.heads()), "problems": told, "techniques_not_in_use": unknown}
    emit(document, as_json, _show_check)
    if problems:
        raise typer.Exit(NO)


def _read(paths: list[Path]) -> list[tuple[str, str]]:
    files: list[tuple[str, str]] = []
    for path in paths:
        found = sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]
        try:
            files += [(str(item), item.read_text(encoding="utf-8")) for item in found]
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"cannot read {path}: {error}", code="file-unreadable") from error
    return files


def _row(head: Head) -> dict[str, Any]:
    return {
        "id": head.id,
        "title": head.title,
        "level": head.level,
        "alerts": head.alerts,
        "techniques": list(head.techniques),
        "digest": head.digest,
    }


def _show(listed: list[dict[str, Any]]) -> None:
    shown = [row | {"techniques": " ".join(row["techniques"])} for row in listed if row["alerts"]]
    rows(shown, "level", "title", "techniques")
    out.print(f"and {len(listed) - len(shown)} that these count", style="dim")


def _show_check(document: dict[str, Any]) -> None:
    out.print(f"{document['files']} files, {document['rules']} rules can be run")
    for problem in document["problems"]:
        out.print(f"  {problem['message']} ({problem['code']})", markup=False)
    for name in document["techniques_not_in_use"]:
        out.print(f"  {name['title']}: ATT&CK does not use {name['technique']} (any more)", markup=False)
