"""Who carries out which effect, and what each timer does."""

from safeconduct import approvals
from safeconduct.access.agreement_versions import SUCCESSION_TIMER
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.destruction_events import DESTROY
from safeconduct.access.freeze_events import FREEZE_TIMER
from safeconduct.access.freezes import expire
from safeconduct.access.grant_events import GRANT_TIMER
from safeconduct.access.grant_requests import close_due
from safeconduct.access.obligations import OBLIGATION_TIMER
from safeconduct.access.ownership_events import VERIFY_SCOPE
from safeconduct.access.recertifications import RECERTIFICATION_TIMER
from safeconduct.access.retention import look
from safeconduct.access.retention_events import RETENTION_TIMER
from safeconduct.access.scopes import verify_again
from safeconduct.access.waiting import COSIGN
from safeconduct.approvals import events as approval_events
from safeconduct.bootstrap.cosigning import cosign
from safeconduct.bootstrap.destruction import destroy
from safeconduct.bootstrap.installation import Installation
from safeconduct.bootstrap.ownership import ownership_probe
from safeconduct.bootstrap.telemetry_retention import destroy_telemetry
from safeconduct.gateway.events import OWN
from safeconduct.kernel.effects import Effect, Timer
from safeconduct.kernel.ids import ActionId, ApprovalId, EntryId, FreezeId, GrantId, Origin
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.quorums import parse_policy
from safeconduct.program.agreements import succeed
from safeconduct.program.obligations import timing
from safeconduct.program.obligations.events import DUTY_TIMER
from safeconduct.program.recertifying import closing
from safeconduct.program.recertifying.events import CLOSE_TIMER, OPEN_TIMER
from safeconduct.program.vetting import granting, keeping
from safeconduct.runtime.effects import EffectRunner
from safeconduct.soc.actions.ending import expire as end_action
from safeconduct.soc.actions.keeping import EXPIRY_TIMER
from safeconduct.soc.autonomy.look_events import LOOK_TIMER
from safeconduct.soc.autonomy.looking import pass_due
from safeconduct.soc.retention.events import DESTROY_TELEMETRY
from safeconduct.watch import cases
from safeconduct.watch.case_model import CASE_TIMER


def effect_runner(installation: Installation) -> EffectRunner:
    """Returns the runner of the effects that any process can carry out, not started."""
    runner = EffectRunner(installation.writer, installation.snapshot, installation.clock, quiet=OWN)
    runner.on(COSIGN, lambda effect: _cosign(installation, effect))
    runner.on(DESTROY, lambda effect: destroy(installation, effect))
    runner.on(DESTROY_TELEMETRY, lambda effect: destroy_telemetry(installation, effect))
    runner.on(VERIFY_SCOPE, ownership_probe(installation).carry_out)
    runner.on_timer(VERIFY_SCOPE, verify_again)
    runner.on_timer(RETENTION_TIMER, lambda tx, timer: look(tx, installation.keys, Origin(timer.key)))
    runner.on_timer(SUCCESSION_TIMER, lambda tx, timer: succeed(tx, timer.key))
    runner.on_timer(OBLIGATION_TIMER, timing.take)
    runner.on_timer(DUTY_TIMER, lambda tx, timer: timing.pass_due(tx, timer.key))
    runner.on_timer(RECERTIFICATION_TIMER, closing.take)
    runner.on_timer(OPEN_TIMER, lambda tx, timer: closing.open_due(tx, timer.key))
    runner.on_timer(CLOSE_TIMER, lambda tx, timer: closing.close_due(tx, EntryId(timer.key)))
    runner.on_timer(EXPIRY_TIMER, _expire)
    runner.on_timer(LOOK_TIMER, lambda tx, timer: pass_due(tx, EntryId(timer.key)))
    runner.on_timer(FREEZE_TIMER, lambda tx, timer: expire(tx, FreezeId(timer.key)))
    runner.on_timer(GRANT_TIMER, lambda tx, timer: close_due(tx, GrantId(timer.key)))
    runner.on_timer(keeping.EXPIRY_TIMER, lambda tx, timer: granting.expire(tx, EntryId(timer.key)))
    runner.on_timer(keeping.DUE_TIMER, lambda tx, timer: granting.escalate(tx, EntryId(timer.key)))
    runner.on_timer(CASE_TIMER, lambda tx, timer: cases.pass_due(tx, EntryId(timer.key)))
    runner.on_timer(approval_events.EXPIRY_TIMER, lambda tx, timer: approvals.expire(tx, ApprovalId(timer.key)))
    return runner


def _cosign(installation: Installation, effect: Effect) -> None:
    origin = Origin(effect.body["origin"])
    index = installation.log.place(effect.key)
    note = cosign(installation, origin, parse_policy(effect.body["policy"]), index + 1)
    # Again, should the process have ended after the request and before its log was opened.
    installation.open_log(Origin(effect.body["agreement_origin"]))
    installation.writer.submit(lambda tx: complete_cosign(tx, EntryId(effect.key), note, index=index)).result()


def _expire(tx: Transaction, timer: Timer) -> object:
    return end_action(tx, ActionId(timer.key))
