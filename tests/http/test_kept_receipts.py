"""The example of docs/spec/receipts.md, run as it stands there, but for the address."""

import re
from pathlib import Path

from safeconduct.ledger.kept import accept, receipts_in
from support.gateway_world import MODEL, SIGNERS
from support.wire import wire

PAGE = Path(__file__).parents[2] / "docs" / "spec" / "receipts.md"
ADDRESS = re.compile(r'"(http://127[^"]*)"')


def test_the_official_client_keeps_its_receipts(monkeypatch, tmp_path):
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with wire() as gate:
        monkeypatch.setenv("SAFECONDUCT_TOKEN", gate.world.tokens["ana"])
        names = {}
        exec(compile(ADDRESS.sub(repr(gate.base_url), code), "receipts.md", "exec"), names)  # noqa: S102 - our own page
        with names["client"] as client:
            for text in ("one", "two"):
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
        kept = list(receipts_in((tmp_path / "receipts.txt").read_text()))
        places = [gate.world.reader.entry(receipt.entry_id).index for receipt in kept]
        now = gate.world.clock.now()
    assert [receipt.index for receipt in kept] == places
    assert len(kept) == 2
    for receipt in kept:
        accept(receipt, [SIGNERS[receipt.origin].verifier], now)
