"""syslog-ng as whoever runs it would: lines of a file, pushed over HTTP, held on its disk while nobody answers."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.patience import PATIENCE_S, until

# As docs/telemetry.md has it, but for places, and with a source that a test writes into.
CONFIG = """@version: 3.38
options { stats-freq(0); };
source s_lines { file("{folder}/lines" flags(no-parse) follow-freq(0.1)); };
destination d_safeconduct {
  http(
    url("{url}/api/v1/telemetry/streams/web")
    method("POST")
    headers("Authorization: Bearer {token}", "Content-Type: text/plain")
    body("${MESSAGE}")
    delimiter("\\n")
    batch-lines(20) batch-timeout(200) workers(2)
    timeout(30) time-reopen(1) retries(1000000)
    response-action(401 => disconnect, 403 => disconnect, 429 => disconnect)
    disk-buffer(reliable(yes) disk-buf-size(1048576) mem-buf-size(65536) dir("{folder}"))
  );
};
log { source(s_lines); destination(d_safeconduct); flags(flow-control); };
"""
BINARY = shutil.which("syslog-ng", path=f"/usr/sbin:{os.environ.get('PATH', '')}")
MODULE = "libhttp.so"


def require_syslog_ng():
    """Skips without syslog-ng and its module for HTTP, except where `CI` says that all must run."""
    if BINARY and any(Path("/usr/lib/syslog-ng").rglob(MODULE)):
        return
    if os.environ.get("CI"):
        pytest.fail("syslog-ng is missing: .ci/run installs it")
    pytest.skip("needs syslog-ng with its module for HTTP")


@contextlib.contextmanager
def syslog_ng(folder, url, token):
    """Runs it on a folder of its own; what is written into `lines` there is pushed. What it keeps stays there."""
    config = folder / "syslog-ng.conf"
    config.write_text(CONFIG.replace("{folder}", str(folder)).replace("{url}", url).replace("{token}", token))
    command = [
        BINARY, "--foreground", "--no-caps", "--stderr", "--cfgfile", config, "--persist-file", folder / "persist",
        "--pidfile", folder / "pid", "--control", folder / "control",
    ]  # fmt: skip
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen([*map(str, command)], stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        try:
            until((folder / "persist").exists, process, says=str(folder / "said"))
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
