"""`safeconduct incident triage` and `safeconduct incident claims`."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NO, Json, emit, out

Id = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or enough of its beginning.")]
Path = Annotated[str, typer.Option("--path", help="The path to ask on; by default the one for incident triage.")]
Principal = Annotated[str, typer.Option("--as", help="On whose grant; by default your service's, else your own.")]
Model = Annotated[str, typer.Option("--model", help="Which of the path's models; by default its first.")]
NoModel = Annotated[bool, typer.Option("--no-model", help="Ask the rules alone.")]
Everything = Annotated[bool, typer.Option("--all", help="The rules' claims too, not only their summary.")]


def triage(
    incident_id: Id,
    *,
    path: Path = "",
    principal: Principal = "",
    model: Model = "",
    no_model: NoModel = False,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Says what the rules know of an incident, asks a model, and checks every claim against the evidence."""
    asked = {"path": path, "principal": principal, "model": False if no_model else model or True}
    document = client(data, key).post(place("incidents", incident_id, "triage"), asked)
    emit(document, as_json, _show_triage)


def claims(incident_id: Id, *, everything: Everything = False, data: Data = None, as_json: Json = False) -> None:
    """Lists the recorded claims, each checked again against the stored events. Exit 1 if one turned since."""
    found = client(data).get(place("incidents", incident_id, "claims"))
    emit(found, as_json, lambda listed: _show_claims(listed, everything=everything))
    if any(one["outcome"] != one["recorded"] for one in found):
        raise typer.Exit(NO)


def _show_triage(document: dict[str, Any]) -> None:
    out.print(f"incident {document['incident']}, by rules alone", style="bold", markup=False)
    for line in document["summary"]["text"]:
        out.print(f"  {line}", markup=False)
    by_model = [one for one in document["claims"] if one["author"] == "model"]
    rules = [one for one in document["claims"] if one["author"] == "rule"]
    verified = sum(one["outcome"] == "verified" for one in rules)
    out.print(f"  {verified} of {len(rules)} claims by rules verified", style="dim", markup=False)
    show_model(document["model"], by_model)
    if document["closed"]:
        out.print(f"closed: {describe(document['closed'])}", markup=False)
    for one in document["candidates"]:
        grounds = f"named by {len(one['claims'])} verified claims"
        out.print(f"could be proposed: {one['kind']} {one['target']} ({grounds})", markup=False)


def describe(closing: dict[str, Any]) -> str:
    """Returns a closing in words."""
    by = f"{closing['model']} on path {closing['path']}, asked by {closing['by']}" if closing["path"] else closing["by"]
    return f"{closing['disposition']} by {by} at {closing['at']}"


def show_model(model: dict[str, Any], by_model: list[dict[str, Any]]) -> None:
    """Prints what a model claimed and what became of it, or why none answered."""
    if not model["asked"]:
        return
    if model["error"]:
        out.print(f"no model answered: {model['error']['message']} ({model['error']['code']})", markup=False)
        return
    out.print(f"claims of {model['name']}, call {model['call']}, prompt {model['prompt']}", style="bold", markup=False)
    if model["autonomy"] == "advise":
        out.print("  advice: nothing rests on it, verified or not", style="dim", markup=False)
    for one in by_model:
        _show_claim(one)
    for one in model["unreadable"]:
        out.print(f"  unreadable at {one['position']}: {one['code']}", style="yellow", markup=False)


def _show_claims(listed: list[dict[str, Any]], *, everything: bool) -> None:
    for one in listed:
        turned = one["outcome"] != one["recorded"]
        if everything or turned or one["author"] != "rule":
            _show_claim(one)
            if turned:
                out.print(f"           was {one['recorded']} when it was recorded", style="yellow", markup=False)
    verified = sum(one["outcome"] == "verified" for one in listed)
    out.print(f"{verified} of {len(listed)} claims verified now", style="dim", markup=False)


def _show_claim(one: dict[str, Any]) -> None:
    style = "green" if one["outcome"] == "verified" else "red"
    why = "" if one["outcome"] == "verified" else f" ({one['reason']}, {one['rule']})"
    out.print(f"  {one['outcome']:<8} {one['id'][:8]}  {one['text']}{why}", style=style, markup=False)
