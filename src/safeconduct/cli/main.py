"""The `safeconduct` command."""

import signal
import sys

from safeconduct.cli import sections
from safeconduct.cli.output import BAD_INPUT, report, system_refused
from safeconduct.kernel.errors import InvalidInputError, SafeconductError

COMMANDS: sections.Sections = {
    "Begin and run": {
        "demo": "demo.command:demo",
        "drill": "drill:commands",
        "init": "serve:init",
        "serve": "serve:serve",
        "status": "serve:status",
        "doctor": "doctor:doctor",
    },
    "Who may do what": {
        "program": "program:commands",
        "agreement": "agreement:commands",
        "vetting": "vetting:commands",
        "obligation": "obligation:commands",
        "recertify": "recertify:commands",
        "path": "path:commands",
        "hints": "hints:commands",
        "scope": "scope:commands",
        "grant": "grant:commands",
        "calendar": "calendar:calendar",
        "notify": "notify:commands",
        "appeal": "appeal:commands",
        "budget": "budget:commands",
        "policy": "policy:commands",
        "login": "login:login",
        "whoami": "whoami:whoami",
        "logout": "login:logout",
        "token": "token:commands",
        "sidecar": "sidecar:sidecar",
        "executor": "executor:commands",
        "passkey": "passkey:commands",
        "scim": "scim:commands",
        "keys": "keys:commands",
        "freeze": "freeze:freeze",
        "unfreeze": "freeze:unfreeze",
        "freeze-review": "freeze:review_freeze",
        "freeze-tag": "freeze:freeze_tag",
        "restrict": "restrict:restrict",
        "unrestrict": "restrict:unrestrict",
        "case": "case:commands",
        "honeytoken": "honeytoken:commands",
    },
    "Security operations": {
        "ingest": "ingest:ingest",
        "detect": "detect:commands",
        "rules": "rules:commands",
        "siem": "siem:commands",
        "model-assets": "model_assets:model_assets",
        "events": "events:commands",
        "hunt": "hunt:commands",
        "incident": "incident:commands",
        "review": "review:commands",
        "value": "value:commands",
        "autonomy": "autonomy:commands",
        "prompt": "prompt:commands",
        "action": "action:commands",
    },
    "What both parties can check": {
        "call": "call:commands",
        "data": "data:commands",
        "usage": "usage:commands",
        "log": "log:commands",
        "receipt": "receipt:commands",
        "copy": "copy:commands",
        "backup": "backup:commands",
    },
}
"""Every command, its module and what it is called there: a group of commands, or the one function."""

app = sections.group("safeconduct", COMMANDS, "A control plane for trusted access to cyber-capable AI models.")

SIGNALED = 128
"""What shells add to a signal's number."""


def main() -> None:
    """Runs one command: exit 0 done, 1 the answer is no, 2 bad input, 3 refused, 4 not available.

    A command that is told to end, as when its terminal is closed, ends what it started first.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(SIGNALED + number))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
    try:
        app(standalone_mode=True)
    except SafeconductError as error:
        sys.exit(report(error))
    except UnicodeEncodeError as error:
        sys.exit(report(InvalidInputError(f"an argument is not UTF-8: {error.object!r}")))
    except OSError as error:  # a full disk, a folder of somebody else's: nothing that a traceback explains better
        sys.exit(report(system_refused(error)))
    except KeyboardInterrupt:
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
