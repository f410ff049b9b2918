"""The `safeconduct` command."""

import signal
import sys

import typer

from safeconduct.cli import (
    action,
    backup,
    call,
    copy,
    detect,
    events,
    freeze,
    grant,
    incident,
    ingest,
    keys,
    log,
    path,
    policy,
    program,
    receipt,
    recover,
    rules,
    sequence,
    serve,
    token,
    triage,
)
from safeconduct.cli.demo.command import demo
from safeconduct.cli.output import BAD_INPUT, report
from safeconduct.kernel.errors import InvalidInputError, SafeconductError, UnavailableError

app = typer.Typer(
    name="safeconduct",
    help="A control plane for trusted access to cyber-capable AI models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for command in (
    demo,
    serve.init,
    serve.serve,
    serve.status,
    ingest.ingest,
    detect.detect,
    freeze.freeze,
    freeze.unfreeze,
):
    app.command()(command)
NOUNS = (program, path, grant, token, policy, call, keys, events, incident, rules, action, log, copy, backup, receipt)
for noun in NOUNS:
    app.add_typer(noun.commands, name=noun.__name__.rpartition(".")[2])
for noun_command in (triage.triage, triage.claims):
    incident.commands.command()(noun_command)
log.commands.command()(recover.recover)
log.commands.command()(sequence.sequence)

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
        sys.exit(report(UnavailableError(str(error), code="system-refused")))
    except KeyboardInterrupt:
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
