"""`safeconduct hints`: what a program's own rules for hints find in texts of one's own, before they count."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from safeconduct.access.document import PROGRAM_BYTES_MAX
from safeconduct.access.hint_schema import own_hint_rules
from safeconduct.adapters.files import read_file
from safeconduct.boundary.hints_found import RuleFound, try_hints
from safeconduct.boundary.model import Source
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.kernel.errors import InvalidInputError, TooLargeError

commands = typer.Typer(help="Hints of an attack: try rules before they count.", no_args_is_help=True)

FILES_MAX = 100_000
"""Files of one look. A rate below one in ten thousand needs as many."""

TEXT_BYTES_MAX = 2 * 1024 * 1024
"""Bytes of a file that is looked at: more than is looked at of a request."""

Program = Annotated[Path, typer.Argument(metavar="PROGRAM", help="A program file with `hint_rules`.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Texts: each file below it, or each line of a file.")]
Said = Annotated[bool, typer.Option("--said", help="As if users said them, not tools and documents.")]
Most = Annotated[
    float | None, typer.Option("--most", min=0, max=100, help="Percent of the texts that an own rule may be found in.")
]


@commands.command(name="try")
def try_(program: Program, folder: Folder, *, said: Said = False, most: Most = None, as_json: Json = False) -> None:
    """Looks for hints in texts, and says what each rule of the program finds there, and the shipped ones.

    With harmless texts, what is found is false alarms. Exit 1 where an own rule is found in more of them than --most.
    Needs no installation, and nothing leaves the machine.
    """
    own = own_hint_rules(read_file(program, PROGRAM_BYTES_MAX), str(program))
    tried = try_hints(_texts(folder), Source.USER if said else Source.TOOL, own)
    if not tried.texts:
        raise InvalidInputError(f"{folder} holds no text", code="no-texts")
    emit(dataclasses.asdict(tried), as_json, lambda _: _show(tried.texts, (*tried.own, *tried.shipped), tried.strength))
    if most is not None and any(one.found * 100 > most * tried.texts for one in tried.own):
        raise typer.Exit(NO)


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    if not place.is_dir():
        lines = _read(place).splitlines()
        yield from ((f"{place.name}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
        return
    for count, file in enumerate(one for one in sorted(place.rglob("*")) if one.is_file()):
        if count == FILES_MAX:
            raise TooLargeError(f"{place} holds over {FILES_MAX} files", remedy="try a part of them")
        yield str(file.relative_to(place)), _read(file)


def _read(file: Path) -> str:
    raw = read_file(file, TEXT_BYTES_MAX)
    if len(raw) > TEXT_BYTES_MAX:
        raise TooLargeError(f"{file} is over {TEXT_BYTES_MAX} bytes", remedy="split it")
    return raw.decode("utf-8", "replace")


def _show(texts: int, rules: tuple[RuleFound, ...], strength: dict[int, float]) -> None:
    for one in rules:
        share = f"{one.found} of {texts} ({one.low:.2%} to {one.high:.2%})"
        where = f": {', '.join(one.first)}" if one.first else ""
        out.print(f"{one.rule}  {share}{where}", markup=False, highlight=False, soft_wrap=True)
    told = ", ".join(f"{part} % up to {value:.0f}" for part, value in strength.items())
    out.print(f"linear model's strength: {told or 'none'}", markup=False, highlight=False)
