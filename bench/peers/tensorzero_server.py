"""TensorZero's gateway in a process of its own, run by its environment's Python: CONFIG. Ends with its input."""

import sys

from tensorzero.tensorzero import _start_http_gateway  # type: ignore[import-not-found]

gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
sys.stdout.write(f"{gateway.base_url}\n")
sys.stdout.flush()
sys.stdin.read()
