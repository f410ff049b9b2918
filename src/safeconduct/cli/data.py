"""`safeconduct data`: what goes where on each path."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.named import ENOUGH, whole_call
from safeconduct.cli.output import NO, Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Data: what goes where, and what left against the rules.", no_args_is_help=True)

Path = Annotated[str, typer.Option("--path", metavar="NAME", help="One path. Default: all that you may read of.")]


@commands.command(name="map")
def map_(*, path: Path = "", data: Data = None, as_json: Json = False) -> None:
    """Shows for each path which data goes where, as what, kept how long, usable for what, and given back to whom."""
    found = client(data).get("/api/v1/data/map", **({"path": path} if path else {}))
    emit(found, as_json, _show_all)


@commands.command()
def breach(
    *,
    call: Annotated[str, typer.Option("--call", metavar="ID", help=f"The call in which it left, {ENOUGH}")] = "",
    data_class: Annotated[str, typer.Option("--class", metavar="CLASS", help="What class of data left.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="What shows it; it stands in the log with your name.")] = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Reports that data left which the path does not let leave. Both organizations are told."""
    if not (call and data_class and reason):
        raise InvalidInputError("expected --call ID, --class CLASS and --reason TEXT", code="breach-incomplete")
    asking = client(data, key)
    wanted = {"call": whole_call(asking, call), "data_class": data_class, "reason": reason}
    emit(asking.post("/api/v1/data/breaches", wanted), as_json, _show_breach)


@commands.command()
def breaches(
    breach_id: Annotated[str, typer.Argument(metavar="ID", help="One of them; without it, all are listed.")] = "",
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Shows what left against the rules: which classes, to whom, how it was noticed, and who was told."""
    if breach_id:
        emit(client(data).get(place("data", "breaches", breach_id)), as_json, _show_breach)
        return
    found = client(data).get("/api/v1/data/breaches")
    shown = [one | {"classes": ", ".join(one["classes"])} for one in found]
    emit(found, as_json, lambda _: rows(shown, "id", "at", "path", "call", "classes", "noticed"))


@commands.command()
def recheck(
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Calls asked from then on.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Calls asked before; no later than now.")] = "",
    path: Annotated[str, typer.Option("--path", metavar="NAME", help="Calls of one path. Default: of all.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Which rule changed; it stands in the log.")] = "",
    answers: Annotated[bool, typer.Option("--answers", help="Look at what was let out of answers, too.")] = False,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Looks again at sealed requests, and answers, by the rules of now. Exit 1: data left that should not have."""
    if not (since and until and reason):
        raise InvalidInputError("expected --from TIME, --until TIME and --reason TEXT", code="recheck-incomplete")
    wanted = {"since": since, "until": until, "path": path, "reason": reason, "answers": answers}
    found = client(data, key).post("/api/v1/data/rechecks", wanted)
    emit(found, as_json, _show_recheck)
    if found.get("breaches"):
        raise typer.Exit(NO)


@commands.command()
def rechecks(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the rechecks on record, and what each found."""
    found = client(data).get("/api/v1/data/rechecks")
    emit(found, as_json, _show_rechecks)


@commands.command()
def restore(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="The pseudonym, letter for letter.")],
    *,
    path: Annotated[str, typer.Option("--path", metavar="NAME", help="The path it came from.")],
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="The session, such as incident:inc-7.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")],
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Tells what a pseudonym stands for, to whom the path restores originals. Exit 1: it stands for nothing there."""
    wanted = {"token": token, "path": path, "session": session, "reason": reason}
    found = client(data, key).post("/api/v1/data/restorations", wanted)
    emit(found, as_json, _show_restored)
    if found["value"] is None:
        raise typer.Exit(NO)


def _show_restored(one: dict[str, Any]) -> None:
    said = one["value"] if one["value"] is not None else _IS[one["found"]]
    out.print(f"{one['token']}: {said}", markup=False)
    out.print(f"asked so far: {_counts(one['asked'])}", style="dim", markup=False)


_IS = {"foreign": "foreign: it is of another session", "forged": "forged: nobody here made it"}


def _show_rechecks(every: list[dict[str, Any]]) -> None:
    for one in every:
        _show_recheck(one)


def _show_recheck(one: dict[str, Any]) -> None:
    if one["state"] == "waiting":
        waits = "safeconduct log openings shows the votes; ask again with the same words once both have approved"
        out.print(f"waits for both parties: {one['approval']['id']}\n  {one['which']}\n  {waits}", markup=False)
        return
    told = f"{one['looked']} of {one['calls']} calls read, {one['failed']} not readable, {one['unread']} not opened"
    out.print(f"recheck {one['id']} by {one['by']} ({one['reason']}): {told}", markup=False)
    if not one["answers"]:
        out.print("  their answers were not looked at: --answers does", style="dim", markup=False)
    for call in one["found"]:
        parts = {"found now": call["classes"], "hints now": call["hints"], "left": call["left"]}
        parts["in the answer now"] = call["answer"]
        said = "; ".join(f"{name}: {_counts(counts)}" for name, counts in parts.items() if counts)
        out.print(f"  call {call['call']}  {said}", markup=False)
    for breach_id in one["breaches"]:
        out.print(f"  breach {breach_id}", markup=False)
    if one["next"]:
        out.print(f"  more calls: go on with --from {one['next']}", markup=False)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _show_breach(one: dict[str, Any]) -> None:
    out.print(f"breach {one['id']} of {one['at']}: call {one['call']} on path {one['path']}", markup=False)
    for name, count in one["classes"].items():
        out.print(f"  {name}{f', {count} values' if count else ''}", markup=False)
    for to in one["to"]:
        out.print("  to {upstream}: {vendor}, in {region}, keeps {retention}".format_map(to), markup=False)
    said = " by {by}: {reason}".format_map(one) if one["by"] else ""
    out.print(f"  {_HOW[one['noticed']]}{said}", markup=False)
    if one["in_request"] is not None:
        out.print(f"  {_IN_REQUEST[one['in_request']]}", markup=False)
    out.print(f"  told: {', '.join(one['told'])}", markup=False)


_HOW = {
    "quoted": "the model said what its request held as tokens",
    "reported": "reported",
    "rechecked": "a later rule found it",
}
_IN_REQUEST = {True: "the request that was sent holds it", False: "the request that was sent does not hold it"}


def _show_all(maps: list[dict[str, Any]]) -> None:
    for one in maps:
        _show(one)


def _show(one: dict[str, Any]) -> None:
    looked = "each call is inspected" if one["inspected"] else "nobody inspects calls"
    out.print(f"{one['path']} version {one['version']}, for {one['purpose']}: {looked}", markup=False)
    for kind in one["classes"]:
        out.print(f"  {kind['name']:<18} leaves {kind['leaves']}", markup=False)
    for to in one["goes_to"]:
        told = "to {upstream}: {vendor}, run by {operator}, in {region} under {jurisdiction}, keeps {retention}"
        out.print(f"  {told.format_map(to)}", markup=False)
    if one["vendor_keeps"] or one["vendor_runs"]:
        kept = ["the conversation"] * one["vendor_keeps"] + [f"what {tool} does" for tool in one["vendor_runs"]]
        out.print(f"  out of sight at the vendor: {', '.join(kept)}", markup=False)
    out.print(f"  training: {one['training']} ({one['agreement']})", markup=False)
    out.print(f"  originals restored for: {', '.join(one['restored_for']) or 'nobody'}", markup=False)
    for field in one["kept"]:
        days = f"{field['days']} days" if field["days"] else "without a limit"
        told = f"kept {days}: {field['entry']} {field['field']}, opened by {', '.join(field['readers'])}"
        out.print(f"  {told}{', both approving' if field['opening'] == 'two-party' else ''}", style="dim", markup=False)
