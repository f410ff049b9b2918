"""The program that holds the local model: started by Safeconduct, ended by it, or by the end of its standard input.

It reads one line of JSON (`model`, `alias`, `key`, `context`, `threads`), serves on a free loopback port, says
`{"ready": "http://127.0.0.1:PORT"}` on standard output, and then waits. If whoever started it dies, its input closes.
"""

import json
import os
import signal
import sys
from typing import Any

import xllamacpp  # type: ignore[import-untyped]


def main() -> None:
    """Serves until standard input ends or SIGTERM comes."""
    signal.signal(signal.SIGTERM, _end)
    order = json.loads(sys.stdin.readline())
    server = xllamacpp.Server(_parameters(order))
    _say({"ready": server.listening_address})
    while sys.stdin.read(4096):
        pass
    _end()


def _parameters(order: dict[str, Any]) -> Any:  # noqa: ANN401 - a class of the extension module, which has no types
    parameters = xllamacpp.CommonParams()
    parameters.model.path = order["model"]
    parameters.model_alias = {order["alias"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [order["key"]]
    parameters.n_ctx = order["context"]
    parameters.n_parallel = 1
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = order["threads"]
    parameters.cpuparams_batch.n_threads = order["threads"]
    parameters.cache_prompt = False  # a prompt that finds its cache is answered otherwise, also at temperature 0
    parameters.cache_ram_mib = 0
    parameters.ui = False
    parameters.endpoint_slots = False  # it would show prompts to whoever has the key
    parameters.offline = True
    parameters.cors_origins = ""
    parameters.verbosity = -1
    return parameters


def _say(what: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _end(*_: object) -> None:
    # The engine's own threads hold nothing that must be written, and take seconds to wind down.
    os._exit(0)


if __name__ == "__main__":
    main()
