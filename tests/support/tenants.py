"""A real installation with every kind of principal, one analyst's things in it, and every route asked by all others."""

import asyncio
import contextlib
import hashlib
import re
from dataclasses import dataclass, field

import msgspec

from safeconduct.adapters.data_folder import locked
from safeconduct.bootstrap.controlling import control_of
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.installation import opened
from safeconduct.bootstrap.routes import ROUTERS
from safeconduct.gateway.events import CALL_REFUSED, CallRefused
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control.audiences import READERS
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.vitals import alone_at_work
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.ledger.keys import SecretKey
from support.programs import KEYS, signed, signed_by_both
from support.shell import made, witness
from support.vetting import with_vetting

MORE = {
    "uma": ("northwind", "person", "roles: [analyst]"),
    "sue": ("northwind", "person", "roles: [administrator]"),
    "cus": ("client", "person", "roles: [reader]"),
    "aud": ("office", "person", "roles: [reader]"),
    "robo": ("northwind", "service", "sponsor: bo"),
}
FIRMS = {"client": "customer", "office": "auditor"}
KEYS.update({one: KEYS.get(one) or SecretKey(hashlib.sha256(one.encode()).digest()) for one in (*MORE, *FIRMS)})
RULES = """approvals:
  grant:
    groups:
      - {organization: northwind, role: administrator, count: 1}
      - {organization: meridian, role: trust-and-safety, count: 1}
"""
GLASS = """
grants_policy:
  lifetimes: {0: 48}
  break_glass:
    night:
      {organization: northwind, role: responder, path: soc-triage, scope: northwind-perimeter, minutes: 30,
       review_hours: 72}
"""
TENANTS = {
    "ops": "provider's administrator",
    "mia": "provider's trust and safety",
    "nora": "partner's administrator",
    "bo": "partner's responder",
    "uma": "partner's other analyst",
    "cyd": "subprocessor's contractor",
    "robo": "partner's service",
    "cus": "customer's reader",
    "aud": "auditor's reader",
    "sue": "administrator, frozen",
    "stranger": "unknown key",
    "token": "token for calls",
    "nobody": "no credential",
}
"""Who walks; the things that they find are ana's, an analyst of the partner."""

POWERLESS = ("cyd", "robo", "cus", "aud", "stranger", "token", "nobody")
"""Who changes nothing at all of another's."""

ABSENT = "01KAK00000000000000000000A"
ROUTES = [(method, route.path) for router in ROUTERS for route in router.routes for method in sorted(route.methods)]


def tenants_program(source: bytes) -> bytes:
    """Returns the demo's program with all those people, signed by both."""
    text = with_vetting(source).decode()
    firms = "".join(f'  {n}: {{role: {r}, name: {n}, key: "{KEYS[n].public.text}"}}\n' for n, r in FIRMS.items())
    people = "".join(
        f'  {name}: {{organization: {where}, kind: {kind}, {more}, key: "{KEYS[name].public.text}"}}\n'
        for name, (where, kind, more) in MORE.items()
    )
    text = text.replace("\nagreement:\n", f"{firms}\nagreement:\n", 1).replace("\nscopes:\n", f"{people}\nscopes:\n", 1)
    text = text.replace("  partner: northwind\n", "  partner: northwind\n  customer: client\n  auditor: office\n", 1)
    return signed_by_both((text.replace("approvals:\n", RULES, 1) + GLASS).encode())


@dataclass
class Tenants:
    """The installation in this process, and what is ana's in it, by the names that stand in routes."""

    installation: object
    app: object
    loop: asyncio.Runner
    things: dict = field(default_factory=dict)

    def send(self, who, method, path, body=b"", query=""):
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = self.shown(who, method, path, content, query)
        request = Ask(method=method, path=path, query=query, headers=headers, body=content)
        answer = self.loop.run(ask(self.app, request))
        try:
            return answer.status, msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            return answer.status, answer.body

    def shown(self, who, method, path, content, query):
        if who == "nobody":
            return {}
        if who == "token":
            return {"authorization": f"Bearer {self.things['secret']}"}
        act = signed(who, f"{method} {path}", content, self.installation.clock.now(), query=query)
        return {HEADER: encode_act(act)}

    def done(self, who, path, body):
        status, told = self.send(who, "POST", f"/api/v1/{path}", body)
        assert status == 200, (path, told)
        return told

    def sizes(self):
        return {origin: self.installation.log.size(origin) for origin in self.installation.log.origins()}

    def path(self, template, things=None):
        """Returns a route's path with ana's things in it, or with names that nothing has."""
        return re.sub(r"{(\w+)(?::path)?}", lambda found: (things or self.things).get(found[1], ABSENT), template)

    def absent(self):
        kept = ("origin", "organization", "path", "tile", "field", "after", "name")
        return {name: self.things[name] if name in kept else ABSENT for name in self.things}


@contextlib.contextmanager
def tenants(root):
    """Makes the installation, puts ana's things into it, and runs it in this process."""
    house, key = made(root)
    with witness(root / "witness", key) as told:
        file = house.program(told)
        file.write_bytes(tenants_program(file.read_bytes()))
        said = house("program", "apply", file, "--json")
        assert said.code == 0, said
        with contextlib.ExitStack() as stack:
            loop = stack.enter_context(asyncio.Runner())
            stack.enter_context(locked(root / "data"))
            installation = stack.enter_context(opened(root / "data"))
            runner = effect_runner(installation)
            loop.run(runner.__aenter__())
            stack.callback(lambda: loop.run(runner.__aexit__(None, None, None)))
            world = Tenants(installation, control_of(installation, runner.settle, None, alone_at_work), loop)
            furnish(world, file)
            yield world


def furnish(world, file):
    """Makes ana's things: a token, a request, a case, a call, a freeze and a restriction of hers, and freezes sue."""
    until = rfc3339(world.installation.clock.now() + seconds(3600))
    token = world.done("ana", "tokens/issue", {"principal": "ana", "expires_at": until})
    asked = {"principal": "ana", "path": "soc-triage", "until": until, "reason": "INC-7"}
    grant = world.done("ana", "grants/request", asked)
    case = world.done("ana", "vetting/open", {"subject": "principal:ana"})
    world.done("nora", "freezes/start", {"selector": "principal:sue", "reason": "case 12"})
    freeze = world.done("nora", "freezes/start", {"selector": "grant:ana-triage", "reason": "case 13"})
    restriction = {"selector": "principal:ana", "kind": "slow", "slow_ms": 10, "reason": "case 13"}
    restriction = world.done("nora", "restrictions/set", restriction)
    refused = CallRefused(
        principal="ana", organization="northwind", path="soc-triage", path_digest="d", purpose="other", model="m",
        step=6, code="purpose-mismatch", clause="path:soc-triage/purpose", request_sha256="r", request_bytes=11,
        unrecorded=0,
    )  # fmt: skip
    origin = "safeconduct.example/demo/ag-2026-01"
    call = world.installation.writer.submit(lambda tx: tx.append(origin, CALL_REFUSED.draft(refused))).result().value.id
    world.things |= {
        "secret": token["secret"], "program": file.read_bytes(),
        "draft": grant["approval"]["draft"], "token_id": token["id"], "grant_id": grant["id"], "case_id": case["id"],
        "freeze_id": freeze["id"], "restriction_id": restriction["id"], "call_id": call, "entry_id": call,
        "principal_id": "ana", "path_id": "soc-triage", "scope": "northwind-perimeter", "owner": "grant:ana-triage",
        "origin": origin, "tile": "entries/000", "field": "request", "after": "0", "name": "block-ip",
        "template": "night", "digest": "0" * 64, "approval_id": grant["approval"]["id"],
        "organization": "northwind", "path": "Users", "kind": "triage", "digits": "0" * 16, "trial_id": ABSENT,
        **dict.fromkeys(("credential_id", "campaign_id", "passkey_id", "event_id", "incident_id"), ABSENT),
        **dict.fromkeys(("action_id", "order_id", "hold_id"), ABSENT),
    }  # fmt: skip


QUERIES = {
    "GET /api/v1/policies/explain": "principal=ana&path=soc-triage",
    "GET /api/v1/freezes/preview": "selector=principal%3Aana",
    "GET /api/v1/logs/entries": "origin=safeconduct.example%2Fdemo%2Fag-2026-01",
    "GET /api/v1/logs/export": "origin=safeconduct.example%2Fdemo%2Fag-2026-01",
    "GET /api/v1/logs/report": "origin=safeconduct.example%2Fdemo%2Fag-2026-01",
    "POST /api/v1/telemetry": "name=a.log",
    "POST /api/v1/telemetry/inventory": "name=inventory.json",
    "POST /api/v1/rules/collections": "name=own",
    "POST /api/v1/rules/collections/try": "name=own",
    "POST /api/v1/usage/reconciliations": "upstream=local",
}


def bodies(world):
    """Returns for each route that takes one a body that fits: about ana, or about what is hers. Bytes are no JSON."""
    things = world.things
    until = rfc3339(world.installation.clock.now() + seconds(3600))
    why, model = {"reason": "INC-7"}, {"model": "smollm2-135m", "reason": "INC-7"}
    ballot = {"draft": things["draft"], "verdict": "approve"}
    asset = {"asset": "northwind.example", "kind": "dns-txt"}
    digest = {"kind": "letter", "sha256": "0" * 64, "source": "post"}
    shown = digest | {"check": "identity", "expires_at": "2031-01-01T00:00:00Z"}
    evaluation = {"subject": {"type": "principal", "id": "ana"}, "action": {"name": "call"},
                  "resource": {"type": "path", "id": "soc-triage"}}  # fmt: skip
    rules = {
        "origin": "x",
        "scope": "northwind-perimeter",
        "targets": ["192.0.2.0/24"],
        "document": "0" * 64,
        "until": until,
    }
    of = {
        "programs/plan": things["program"], "programs/apply": things["program"], "agreement/terminate": why,
        "paths/{path_id}/approvals": model, "paths/{path_id}/approvals/withdraw": model,
        "grants/request": {"principal": "ana", "path": "soc-triage", "until": until, "reason": "INC-7"},
        "grants/{grant_id}/reissue": why, "grants/{grant_id}/vote": ballot, "grants/{grant_id}/revoke": why,
        "grants/{grant_id}/withdraw": b"",
        "break-glass/{template}/open": why,
        "break-glass/reviews/{grant_id}/vote": {"finding": "justified", "reason": "x", "review": "0" * 64},
        "scopes/{scope}/challenge": asset, "scopes/{scope}/verify": asset,
        "scopes/{scope}/rules": {"rules": rules, "signature": "AA=="},
        "policies/proposals/new": things["program"], "policies/proposals/{approval_id}/vote": ballot,
        "policies/replay": b"permit (principal, action, resource);",
        "tokens/issue": {"principal": "ana", "expires_at": until}, "tokens/{token_id}/revoke": b"",
        "sign-ins": {"provider": "x", "id_token": "x", "verifier": "x"}, "sign-ins/end": {"token": "x"},
        "credentials": b"grant_type=client_credentials&client_id=ana",
        "freezes/start": {"selector": "principal:ana", "reason": "x"}, "freezes/{freeze_id}/end": b"",
        "restrictions/set": {"selector": "principal:ana", "kind": "suspend", "reason": "x"},
        "restrictions/{restriction_id}/lift": b"",
        "vetting/open": {"subject": "principal:ana"}, "vetting/proofs": {"call": things["call_id"]},
        "vetting/{case_id}/submit": {"evidence": [shown]},
        "vetting/{case_id}/assess": {"check": "identity", "sha256": "0" * 64, "verdict": "pass"},
        "vetting/{case_id}/decide": {"ruling": "approve"}, "vetting/{case_id}/appeal": {"reason": "bias"},
        "vetting/{case_id}/provision": b"", "vetting/{case_id}/suspend": {"reason": "conduct"},
        "vetting/{case_id}/withdraw": b"",
        "obligations/{name}/hand-in": digest, "obligations/{name}/judge": {"sha256": "0" * 64, "accepted": True},
        "cases/{case_id}/decide": {"confirmed": True, "reason": "x"}, "cases/{case_id}/appeal": why,
        "honeytokens/issue": {"place": "a backup"}, "honeytokens/{honeytoken_id}/withdraw": b"",
        "data/breaches": {"call": things["call_id"], "data_class": "host", "reason": "x"},
        "data/restorations": {"token": "HOST_aaaaaaaaaa", "path": "soc-triage", "session": "s", "reason": "x"},
        "data/rechecks": {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "reason": "x"},
        "tool-decisions/find": {"tool": "t", "arguments_sha256": "0" * 64}, "tool-decisions/use": {"decision": "x"},
        "tool-decisions/end": {"decision": "x", "end": "done"}, "tool-decisions/rotate-key": {"origin": "x"},
        "calls/held/{approval_id}/vote": ballot, "calls/{call_id}/appeal": why,
        "appeals/{call_id}/decide": {"upheld": True, "reason": "x"},
        "usage/reconciliations": b"upstream,model\n", "telemetry": b"a line\n", "telemetry/inventory": b"{}",
        "telemetry/streams/{name}": b"a line\n", "telemetry/retention": b"",
        "rules/tune-outs": {"rule": "x", "event": "0" * 32, "places": ["/raw/x"], "until": until, "reason": "x"},
        "rules/tune-outs/{tune_out_id}/end": b"", "hunts/saved": {}, "hunts/saved/{name}/remove": b"",
        "hunts/saved/{name}/schedule": {"every_s": 60}, "hunts/saved/{name}/unschedule": b"",
        "rules/collections/try": {"files": [{"name": "x.yml", "text": "x"}]},
        "rules/collections": {"files": [{"name": "x.yml", "text": "x"}]}, "rules/collections/{name}/remove": b"",
        "incident-regroupings": {"change": "merge", "incidents": ["0" * 32, "1" * 32], "reason": "x"},
        "incident-regroupings/{entry_id}/undo": why,
        "siems/{siem}/search": {"table": "logs", "hunt": {}}, "siems/{siem}/alerts": b"",
        "siems/{siem}/tell": {"incident": "0" * 32, "judgment": "false-positive"},
        "detections": b"", "detections/live": b"", "detections/live/end": b"", "anomalies/orders": {"told": True},
        "incidents/{incident_id}/triage": {"model": False}, "incidents/{incident_id}/explain": {},
        "incidents/{incident_id}/hunt": {},
        "looks/{incident_id}": why | {"disposition": "benign-positive"},
        "autonomy/{path_id}/promote": why | {"level": "act"}, "autonomy/{path_id}/demote": why | {"level": "advise"},
        "autonomy/{path_id}/stop": why, "autonomy/{path_id}/resume": why,
        "incidents/{incident_id}/close": why | {"disposition": "benign-positive"},
        "incidents/{incident_id}/reopen": why,
        "prompts": {"kind": "triage", "system": "<data> </data>", "request": "{data}"},
        "prompts/demote": why | {"kind": "triage"},
        "trials": {"candidate": "triage/" + "0" * 16, "path": "soc-triage"},
        "trials/{trial_id}/next": b"", "trials/{trial_id}/promote": b"",
        "reviews/{call_id}/accept": why, "reviews/{call_id}/reject": why,
        "reviews/{call_id}/correct": why | {"judgment": "false-positive"},
        "incidents/{incident_id}/actions": {"target": "203.0.113.9"}, "actions/{action_id}/vote": ballot,
        "actions/{action_id}/run": b"", "actions/{action_id}/roll-back": b"",
        "lists/block-ip/tokens": {"holder": "fw"}, "promises/broken": b"no proof",
        "logs/entries/{entry_id}/fields/{field}/open": why, "logs/openings/{approval_id}/vote": ballot,
        "logs/holds": {"reason": "x", "subject": "ana"}, "logs/holds/{hold_id}/release": why,
        "logs/destructions": {"reason": "x", "subject": "ana"},
        "logs/destructions/{order_id}/certificates": {"keys": [], "method": "x"},
        "directories/{organization}/connect": {"expires_at": until},
        "directories/credentials/{credential_id}/revoke": b"",
        "recertifications/open": {"of": ["grants"], "answer_days": 7},
        "recertifications/{campaign_id}/answer": {"subject": "x", "keep": True, "seen": "0" * 64, "reason": "x"},
        "passkeys/offers": b"", "passkeys/offers/signed-in": {"token": "x"},
        "passkeys": {"principal": "ana", "secret": "x", "client_data": "", "attestation": ""},
        "passkeys/{passkey_id}/confirm": {"fingerprint": "00"}, "passkeys/{passkey_id}/revoke": why,
        "freezes/{freeze_id}/review": why | {"review_by": until}, "notices/channels/{name}/trial": b"",
        "logs/rotate-key": {"origin": things["origin"]}, "logs/close": {"origin": things["origin"], "reason": "x"},
    }  # fmt: skip
    return {f"/api/v1/{name}": body for name, body in of.items()} | {
        "/access/v1/evaluation": evaluation,
        "/access/v1/evaluations": {"evaluations": [evaluation]},
    }


def cell(status, found):
    """Returns what a page says of an answer."""
    if status != 200:
        return str(status)
    return ("some" if found else "none") if isinstance(found, list) else "yes"


def walk(world):
    """Yields each route with what every tenant is answered: about ana's things, and about things that nobody has."""
    sent = bodies(world)
    for method, path in ROUTES:
        route = f"{method} {path}"
        who = TENANTS if route in READERS else POWERLESS
        of = {}
        for one in who:
            request = (
                one,
                method,
                world.path(path),
                sent.get(path, b"") if method == "POST" else b"",
                QUERIES.get(route, ""),
            )
            of[one] = world.send(*request)
        yield route, of
