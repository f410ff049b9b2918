"""How all entries of an installation change its control state, put together from each feature's."""

from collections.abc import Mapping

from safeconduct.access.events import PROJECTIONS as ACCESS
from safeconduct.access.passkey_events import counted
from safeconduct.access.promise_events import PROJECTIONS as PROMISES
from safeconduct.approvals.events import PROJECTIONS as APPROVALS
from safeconduct.boundary.decision_events import PROJECTIONS as DECISIONS
from safeconduct.gateway.breach_events import PROJECTIONS as BREACHES
from safeconduct.gateway.events import PROJECTIONS as GATEWAY
from safeconduct.gateway.holding import PROJECTIONS as HELD
from safeconduct.gateway.label_events import PROJECTIONS as LABELS
from safeconduct.gateway.turn_events import PROJECTIONS as TURNS
from safeconduct.gateway.usage_events import PROJECTIONS as USAGE
from safeconduct.kernel.ports import Projection
from safeconduct.ledger.log_events import PROJECTIONS as LOGS
from safeconduct.ledger.recovery_events import PROJECTIONS as RECOVERY
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.program.events import PROJECTIONS as PROGRAM
from safeconduct.soc.actions.projections import PROJECTIONS as ACTIONS
from safeconduct.soc.autonomy.review_events import PROJECTIONS as REVIEWS
from safeconduct.soc.claim_events import PROJECTIONS as CLAIMS
from safeconduct.soc.hunts.saved_events import PROJECTIONS as SAVED_HUNTS
from safeconduct.soc.incidents import PROJECTIONS as INCIDENTS
from safeconduct.soc.ingesting import PROJECTIONS as INGESTING
from safeconduct.soc.regrouping import PROJECTIONS as REGROUPING
from safeconduct.soc.rule_collections import PROJECTIONS as RULES
from safeconduct.soc.siem.events import PROJECTIONS as SIEM
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
        **DECISIONS,
        **TURNS,
        **BREACHES,
        **LABELS,
        **USAGE,
        **PROGRAM,
        **INGESTING,
        **RULES,
        **TUNE_OUTS,
        **SIEM,
        **SAVED_HUNTS,
        **INCIDENTS,
        **REGROUPING,
        **CLAIMS,
        **REVIEWS,
        **ACTIONS,
        **WATCH,
        **LOGS,
    }
)
"""How entries of every type change the control state."""
