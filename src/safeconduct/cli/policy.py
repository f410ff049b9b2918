"""`safeconduct policy`: begin with the defaults, check a text, try it, explain a decision."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.authorization import call_schema, default_policies
from safeconduct.access.facts import REPLAY_DAYS_MAX
from safeconduct.cli import activation
from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.junit import junit
from safeconduct.cli.named import ENOUGH
from safeconduct.cli.output import NO, Json, emit, out, require_new, write_new
from safeconduct.cli.policy_tests import files_of_tests
from safeconduct.cli.rehearsing import compiled, rehearse
from safeconduct.cli.replay_shown import refuse_mismatch, replayed, show_progress, show_replay
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy.expectations import Rehearsal
from safeconduct.policy.hints import hints

commands = typer.Typer(help="Cedar policies: begin with some, check them, ask why.", no_args_is_help=True)

for voted in (activation.propose, activation.proposals, activation.approve):
    commands.command()(voted)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of Cedar policies.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help=f"The id of a call, as in its error or answer, {ENOUGH}")]
Principal = Annotated[str, typer.Option("--principal", help="Who calls.")]
OnPath = Annotated[str, typer.Option("--path", help="On which path.")]
Purpose = Annotated[str | None, typer.Option("--purpose", help="For what; by default the path's purpose.")]
Model = Annotated[str | None, typer.Option("--model", help="Which model; by default the path's first.")]
ShowSchema = Annotated[bool, typer.Option("--schema", help="Print the Cedar schema of calls instead.")]
Place = Annotated[Path, typer.Argument(metavar="PLACE", help="A file of tests, or a folder with some.")]
Proposed = Annotated[Path | None, typer.Option("--policies", help="Try these instead of those that the files name.")]
JUnit = Annotated[Path | None, typer.Option("--junit", help="Write the results here too, as JUnit XML.")]
ToReplay = Annotated[Path, typer.Option("--proposed", metavar="FILE", help="A file of Cedar policies.")]
Days = Annotated[int, typer.Option("--days", min=1, max=REPLAY_DAYS_MAX, help="How far back.")]
Under = Annotated[str | None, typer.Option("--grant", help="Under which grant; by default the one that matches.")]


@commands.command()
def check(file: File, *, as_json: Json = False) -> None:
    """Compiles a policy file against the schema of calls, and says what is proven to have no effect in it.

    Needs no installation.
    """
    policies = compiled(file, call_schema())
    found = [
        {"kind": one.kind, "policy": one.policy, "by": one.by, "line": one.place[0], "column": one.place[1]}
        | {"text": f"{file}:{one.place[0]}:{one.place[1]}: {one.text}"}
        for one in hints(policies)
    ]
    emit({"digest": policies.digest, "ids": policies.ids, "hints": found}, as_json, _show_checked)


@commands.command(name="test")
def rehearse_tests(
    place_: Place, *, policies: Proposed = None, junit_file: JUnit = None, as_json: Json = False
) -> None:
    """Decides the tests of a file, or of a folder's files, and says which are not as expected. Exit 1 if one is not.

    A test is a call, or a request over a small entity set, with what is expected of it. Needs no installation.
    """
    require_new(junit_file)
    tried = {str(file): rehearse(file, policies) for file in files_of_tests(place_)}
    document = _tried(tried)
    if junit_file is not None:
        write_new(junit_file, junit(tried))
    emit(document, as_json, _show_tried)
    if document["failed"]:
        raise typer.Exit(NO)


@commands.command()
def default(*, schema: ShowSchema = False) -> None:
    """Prints the policies that a new program begins with, for its `policies`; with --schema what policies may say."""
    out.print(call_schema().text if schema else default_policies(), markup=False, highlight=False, end="")


@commands.command()
def replay(
    *, proposed: ToReplay, days: Days = 7, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Decides the calls of the last days again under proposed policies, and shows which would end otherwise.

    Each call is first decided under the policies of its day. One that comes out otherwise than recorded is an error.
    """
    compiled(proposed, call_schema())  # so that what is wrong is told at its place in the file
    place_ = "/api/v1/policies/replay"
    last = client(data, key, url).lines(place_, proposed.read_bytes(), show_progress, days=str(days))
    document = replayed(last)
    emit(document, as_json, show_replay)
    refuse_mismatch(document)


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

    Exit 1 if it was or would be refused, also until a person approves exactly it. What a call says, and what is left
    of budgets, is not asked here.
    """
    if call and any((principal, path, purpose, model, grant)):
        text = "expected either a CALL, or what such a call would be: a call that was made has its own"
        raise InvalidInputError(text, code="nothing-to-explain")
    if call:
        told = client(data, key).get(place("calls", call, "explanation"))
        emit(told, as_json, _show_call)
        if told["effect"] != "allowed":
            raise typer.Exit(NO)
        return
    if not (principal and path):
        raise InvalidInputError("expected a CALL, or --principal and --path", code="nothing-to-explain")
    document = client(data, key).get(
        "/api/v1/policies/explain", principal=principal, path=path, purpose=purpose, model=model, grant=grant
    )
    emit(document, as_json, _show_explained)
    if document["effect"] != "allow" or document["held"]:
        raise typer.Exit(NO)


def _show_checked(document: dict[str, Any]) -> None:
    out.print(f"{len(document['ids'])} policies: {', '.join(document['ids'])}", markup=False)
    for hint in document["hints"]:
        out.print(hint["text"], markup=False)


def _tried(tried: dict[str, Rehearsal]) -> dict[str, Any]:
    files = [
        {
            "file": file,
            "tests": [
                {"name": one.name, "passed": one.passed, "wrong": one.wrong}
                | {"effect": one.decision.effect, "determining": one.decision.determining}
                | {"reasons": [reason.code for reason in one.decision.reasons]}
                for one in found.tried
            ],
            "unreached": found.unreached,
        }
        for file, found in tried.items()
    ]
    return {
        "tests": sum(len(one.tried) for one in tried.values()),
        "failed": sum(one.failed for one in tried.values()),
        "files": files,
    }


def _show_tried(document: dict[str, Any]) -> None:
    for file in document["files"]:
        for test in file["tests"]:
            for line in test["wrong"]:
                out.print(f"{file['file']}: {test['name']}: {line}", markup=False)
        if file["unreached"]:
            told = f"{file['file']}: determined no decision: {', '.join(file['unreached'])}"
            out.print(told, style="dim", markup=False)
    out.print(f"{document['tests']} tests, {document['failed']} failed", markup=False)


_ALLOWED_YET = {
    "slow": "slow: it waits before it is decided",
    "weaker": "weaker: the path's weaker model answers",
}
"""What a restriction does to a call that it neither holds nor refuses, by its kind."""


def _show_explained(document: dict[str, Any]) -> None:
    under = f" under grant {document['grant']}" if document["grant"] else ""
    held = document["effect"] == "allow" and document["held"]
    out.print(f"{'held' if held else document['effect']}{under}", markup=False)
    for reason in document["reasons"]:
        out.print(f"  {reason['code']} ({reason['clause']}): {reason['text']}", markup=False)
        if reason["remedy"]:
            out.print(f"    {reason['remedy']}", markup=False)
    if held:
        out.print(f"  approval-required ({document['held']['clause']}): {document['held']['text']}", markup=False)
        out.print("    a person approves exactly this call first; its refusal names the approval that it waits for")
    for one in document["restrictions"]:
        if one["kind"] in _ALLOWED_YET:
            out.print(f"  {_ALLOWED_YET[one['kind']]} (restriction:{one['id']}, of {one['selector']})", markup=False)
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
