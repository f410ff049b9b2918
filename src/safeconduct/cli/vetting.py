"""`safeconduct vetting`: who is found fit before their calls are taken."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.evidence import Document, Kind, Source, file_digest
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Vetting: who is found fit before their calls are taken.", no_args_is_help=True)

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="principal:NAME or organization:NAME.")]
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]
CheckName = Annotated[str, typer.Argument(metavar="CHECK", help="The check, as the program's criteria name it.")]
Tier = Annotated[int, typer.Option("--tier", help="Up to which tier.")]
Looked = Annotated[Path | None, typer.Option("--file", help="The very document that was submitted.")]
Until = Annotated[str, typer.Option("--until", help="First instant at which it counts no more, with offset.")]
Pass = Annotated[bool, typer.Option("--pass", help="The check is passed.")]
Fail = Annotated[bool, typer.Option("--fail", help="The check is failed.")]
More = Annotated[bool, typer.Option("--more", help="Other evidence is wanted, for a reason.")]
Approve = Annotated[bool, typer.Option("--approve", help="Approve the case.")]
Deny = Annotated[bool, typer.Option("--deny", help="Deny the case, for a reason.")]
Uphold = Annotated[bool, typer.Option("--uphold", help="The appeal is right.")]
Reject = Annotated[bool, typer.Option("--reject", help="The appeal is not.")]
Why = Annotated[str, typer.Option("--reason", help="A code of `safeconduct vetting reasons`.")]


@commands.command(name="open")
def open_(
    subject: Subject, *, tier: Tier = 0, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Opens a case: as its subject, its sponsor, or an administrator of its organization."""
    emit(client(data, key, url).post("/api/v1/vetting/open", {"subject": subject, "tier": tier}), as_json, _show)


@commands.command()
def submit(
    case: CaseId,
    check: CheckName,
    *,
    file: Document,
    kind: Kind,
    source: Source,
    until: Until,
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Submits evidence for a check, as a digest. With the last that was missing a decision is due."""
    shown = {"check": check, "kind": kind, "sha256": file_digest(file), "source": source, "expires_at": until}
    emit(client(data, key, url).post(place("vetting", case, "submit"), {"evidence": [shown]}), as_json, _show)


@commands.command()
def show(case: CaseId, *, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Shows a case: its state, when a decision is due, why it was decided so, and what it lacks."""
    emit(client(data, key, url).get(place("vetting", case)), as_json, _show)


@commands.command(name="list")
def list_(*, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Lists the cases that you may see."""
    found = client(data, key, url).get("/api/v1/vetting")
    emit(found, as_json, lambda listed: rows(listed, "id", "subject", "tier", "state", "due_at", "overdue", "until"))


@commands.command()
def ready(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Whose calls.")],
    *,
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Shows on which paths a principal's calls are admitted, and what is missing on the others."""
    emit(client(data, key, url).get(place("vetting", "readiness", principal)), as_json, _show_ready)


@commands.command()
def reasons(*, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Lists the reasons there are for wanting more, denying, suspending and appealing."""
    found = client(data, key, url).get("/api/v1/vetting/reasons")
    emit(found, as_json, lambda listed: rows(listed, "action", "code", "text", "todo"))


@commands.command()
def assess(
    case: CaseId,
    check: CheckName,
    *,
    file: Looked = None,
    passed: Pass = False,
    failed: Fail = False,
    more: More = False,
    reason: Why = "",
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Says what you found of a check, with the submitted document in hand, or that more is wanted."""
    verdict = _one({"pass": passed, "fail": failed, "more": more})
    if (file is None) != (verdict == "more"):
        raise InvalidInputError("expected --file FILE with --pass or --fail, and none with --more")
    said = {"check": check, "sha256": file_digest(file) if file else "", "reason": reason}
    said |= {} if verdict == "more" else {"verdict": verdict}
    emit(client(data, key, url).post(place("vetting", case, "assess"), said), as_json, _show)


@commands.command()
def decide(
    case: CaseId,
    *,
    approve: Approve = False,
    deny: Deny = False,
    uphold: Uphold = False,
    reject: Reject = False,
    reason: Why = "",
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Decides a case as its second reviewer, or rules on an appeal as somebody who took no part."""
    ruling = _one({"approve": approve, "deny": deny, "uphold": uphold, "reject": reject})
    said = {"ruling": ruling, "reason": reason}
    emit(client(data, key, url).post(place("vetting", case, "decide"), said), as_json, _show)


@commands.command()
def appeal(
    case: CaseId, *, reason: Why, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Appeals against a denial or a suspension, once."""
    emit(client(data, key, url).post(place("vetting", case, "appeal"), {"reason": reason}), as_json, _show)


@commands.command()
def provision(case: CaseId, *, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Lets an approved subject probe its paths; an organization is ready with it."""
    emit(client(data, key, url).post(place("vetting", case, "provision")), as_json, _show)


@commands.command()
def suspend(
    case: CaseId, *, reason: Why, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Suspends what was approved, at once. Another administrator provisions it again."""
    emit(client(data, key, url).post(place("vetting", case, "suspend"), {"reason": reason}), as_json, _show)


@commands.command()
def withdraw(case: CaseId, *, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Ends a case for good, and what was admitted by it."""
    emit(client(data, key, url).post(place("vetting", case, "withdraw")), as_json, _show)


def _one(chosen: dict[str, bool]) -> str:
    wanted = [name for name, yes in chosen.items() if yes]
    if len(wanted) != 1:
        raise InvalidInputError(f"expected one of {', '.join(f'--{name}' for name in chosen)}")
    return wanted[0]


def _show(document: dict[str, Any]) -> None:
    overdue = ", overdue" if document["overdue"] else ""
    out.print(
        f"case {document['id']}: {document['subject']}, tier {document['tier']}, {document['state']}", markup=False
    )
    for name, label in (("due_at", "decision due"), ("until", "holds until")):
        if document[name]:
            out.print(f"  {label} {document[name]}{overdue if name == 'due_at' else ''}", markup=False)
    if document["told"]:
        out.print(f"  {document['reason']}: {document['told']['text']}; {document['told']['todo']}", markup=False)
    for lack in document["lacks"]:
        out.print(f"  lacks: {lack}", markup=False)


def _show_ready(document: dict[str, Any]) -> None:
    if not document["demanded"]:
        out.print("the program demands no vetting: it is itself what admits")
    for path in document["paths"]:
        out.print(
            f"{path['path']} version {path['version']}: {'ready' if path['ready'] else 'not ready'}", markup=False
        )
        for reason in path["reasons"]:
            out.print(f"  {reason['code']}: {reason['text']}", markup=False)
            out.print(f"    to do: {reason['remedy']}", markup=False, style="dim")
