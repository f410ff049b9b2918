"""`safeconduct policy`: begin with the defaults, check a text, explain a decision."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.authorization import call_schema, compile_policies, default_policies
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy import PolicyInvalidError
from safeconduct.policy.source import POLICY_TEXT_BYTES_MAX

commands = typer.Typer(help="Cedar policies: begin with some, check them, ask why.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of Cedar policies.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help="The id of a call, as in its error or answer.")]
Principal = Annotated[str, typer.Option("--principal", help="Who calls.")]
OnPath = Annotated[str, typer.Option("--path", help="On which path.")]
Purpose = Annotated[str | None, typer.Option("--purpose", help="For what; by default the path's purpose.")]
Model = Annotated[str | None, typer.Option("--model", help="Which model; by default the path's first.")]
ShowSchema = Annotated[bool, typer.Option("--schema", help="Print the Cedar schema of calls instead.")]
Under = Annotated[str | None, typer.Option("--grant", help="Under which grant; by default the one that matches.")]


@commands.command()
def check(file: File, *, as_json: Json = False) -> None:
    """Compiles a policy file against the schema of calls. Needs no installation."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(POLICY_TEXT_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read {file}: {error}", code="file-unreadable") from error
    try:
        policies = compile_policies(text)
    except PolicyInvalidError as error:
        raise InvalidInputError(f"{file}:{error.line}: {error.problem}", code=error.code) from error
    emit({"digest": policies.digest, "ids": policies.ids}, as_json, _show_checked)


@commands.command()
def default(*, schema: ShowSchema = False) -> None:
    """Prints the policies that a new program begins with, for its `policies`; with --schema what policies may say."""
    out.print(call_schema().text if schema else default_policies(), markup=False, highlight=False, end="")


@commands.command()
def explain(
    call: Call = "",
    *,
    principal: Principal = "",
    path: OnPath = "",
    purpose: Purpose = None,
    model: Model = None,
    grant: Under = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Shows why a call ended as it did and what would make it pass; without one, how such a call would be decided now.

    Exit 1 if it was or would be refused.
    """
    if call:
        told = client(data, key).get(place("calls", call, "explanation"))
        emit(told, as_json, _show_call)
        if told["effect"] != "allowed":
            raise typer.Exit(NO)
        return
    if not (principal and path):
        raise InvalidInputError("expected a CALL, or --principal and --path", code="nothing-to-explain")
    document = client(data).get(
        "/api/v1/policies/explain", principal=principal, path=path, purpose=purpose, model=model, grant=grant
    )
    emit(document, as_json, _show_explained)
    if document["effect"] != "allow":
        raise typer.Exit(NO)


def _show_checked(document: dict[str, Any]) -> None:
    out.print(f"{len(document['ids'])} policies: {', '.join(document['ids'])}", markup=False)
    if not document["ids"]:
        out.print("an empty set permits nothing")


def _show_explained(document: dict[str, Any]) -> None:
    under = f" under grant {document['grant']}" if document["grant"] else ""
    out.print(f"{document['effect']}{under}", markup=False)
    for reason in document["reasons"]:
        out.print(f"  {reason['code']} ({reason['clause']}): {reason['text']}", markup=False)
        if reason["remedy"]:
            out.print(f"    {reason['remedy']}", markup=False)
    if document["determining"]:
        out.print(f"  determined by {', '.join(document['determining'])}", markup=False)


def _show_call(document: dict[str, Any]) -> None:
    asked = document["asked"]
    told = f"{asked['principal']} asked for {asked['model'] or 'a model'} on path {asked['path'] or 'none'}"
    ended = f", {document['end']}" if "end" in document else ""
    out.print(f"{told}: {document['effect']} at step {document['step']}{ended}", markup=False)
    for one in document["against"]:
        out.print(f"  against it: {one['code']} {one['clause']}".rstrip(), markup=False)
    for one in document["determining"]:
        out.print(f"  determined by policy {one['policy']}", markup=False)
        out.print(one["text"] or "its text is not known here any more", style="dim", markup=False)
    if document["remedy"]:
        out.print(f"  to pass: {document['remedy']}", markup=False)
    out.print(f"to appeal: safeconduct call appeal {document['call']} --reason TEXT", style="dim", markup=False)
