"""How all entries of an installation change its control state, put together from each feature's."""

from collections.abc import Mapping

from safeconduct.access.events import PROJECTIONS as ACCESS
from safeconduct.access.passkey_events import counted
from safeconduct.access.promise_events import PROJECTIONS as PROMISES
from safeconduct.approvals.events import PROJECTIONS as APPROVALS
from safeconduct.boundary.decision_events import PROJECTIONS as DECISIONS
from safeconduct.gateway.breach_events import PROJECTIONS as BREACHES
from safeconduct.gateway.events import PROJECTIONS as GATEWAY
from safeconduct.gateway.held_events import PROJECTIONS as HELD_ANSWERS
from safeconduct.gateway.holding import PROJECTIONS as HELD
from safeconduct.gateway.label_events import PROJECTIONS as LABELS
from safeconduct.gateway.recheck_events import PROJECTIONS as RECHECKS
from safeconduct.gateway.restoration_events import PROJECTIONS as RESTORATIONS
from safeconduct.gateway.turn_events import PROJECTIONS as TURNS
from safeconduct.gateway.usage_events import PROJECTIONS as USAGE
from safeconduct.kernel.ports import Projection
from safeconduct.ledger.log_events import PROJECTIONS as LOGS
from safeconduct.ledger.recovery_events import PROJECTIONS as RECOVERY
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.program.events import PROJECTIONS as PROGRAM
from safeconduct.soc.actions.projections import PROJECTIONS as ACTIONS
from safeconduct.soc.anomaly_orders import PROJECTIONS as ANOMALIES
from safeconduct.soc.autonomy.projections import PROJECTIONS as AUTONOMY
from safeconduct.soc.hunts.saved_events import PROJECTIONS as SAVED_HUNTS
from safeconduct.soc.hunts.scheduled_projections import PROJECTIONS as SCHEDULED_HUNTS
from safeconduct.soc.incidents.events import PROJECTIONS as INCIDENTS
from safeconduct.soc.incidents.regrouping import PROJECTIONS as REGROUPING
from safeconduct.soc.ingesting import PROJECTIONS as INGESTING
from safeconduct.soc.live.events import PROJECTIONS as LIVE
from safeconduct.soc.prompts.events import PROJECTIONS as PROMPTS
from safeconduct.soc.retention.events import PROJECTIONS as TELEMETRY_RETENTION
from safeconduct.soc.rule_collections import PROJECTIONS as RULES
from safeconduct.soc.siem.events import PROJECTIONS as SIEM
from safeconduct.soc.trials.events import PROJECTIONS as TRIALS
from safeconduct.soc.trials.rule_events import PROJECTIONS as RULE_TRIALS
from safeconduct.soc.tune_outs import PROJECTIONS as TUNE_OUTS
from safeconduct.watch.events import PROJECTIONS as WATCH

PROJECTIONS: Mapping[str, Projection] = counted(
    {
        **RECOVERY,
        **WORKERS,
        **ACCESS,
        **PROMISES,
        **APPROVALS,
        **GATEWAY,
        **HELD,
        **HELD_ANSWERS,
        **DECISIONS,
        **TURNS,
        **BREACHES,
        **RECHECKS,
        **RESTORATIONS,
        **LABELS,
        **USAGE,
        **PROGRAM,
        **INGESTING,
        **TELEMETRY_RETENTION,
        **RULES,
        **TUNE_OUTS,
        **LIVE,
        **ANOMALIES,
        **SIEM,
        **SAVED_HUNTS,
        **SCHEDULED_HUNTS,
        **INCIDENTS,
        **REGROUPING,
        **AUTONOMY,
        **PROMPTS,
        **TRIALS,
        **RULE_TRIALS,
        **ACTIONS,
        **WATCH,
        **LOGS,
    }
)
"""How entries of every type change the control state."""
