"""`serve` with TLS, as one process and as several: strangers outside, the machine's own commands inside."""

import contextlib
import http.client
import json
import os
import ssl
from urllib.parse import urlsplit

import pytest

from support.certificates import Authority
from support.patience import PATIENCE_S
from support.serve_calls import ROUTE, bearer, chat, decided
from support.shell import agreed, run, serving
from support.talker import talking

NAMES = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")


def called(url, tls, headers):
    """Returns the status of one call, as `decided`."""
    return decided(lambda: told(url, tls, headers))[0]


def told(url, tls, headers):
    where = urlsplit(url)
    connection = http.client.HTTPSConnection("127.0.0.1", where.port, timeout=PATIENCE_S, context=tls)
    with contextlib.closing(connection):
        connection.request("POST", ROUTE, chat(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def shut_out_but_at_home(root, *words):
    """Serves with mTLS; a client of the authority, a stranger and the commands of this machine come to it."""
    authority = Authority(root)
    cert, key = authority.issue("server")
    house = agreed(root / "house", upstream="custom", model="m")[0]
    files = ("--tls-cert", cert, "--tls-key", key, "--client-ca", authority.file)
    stranger, ours = (ssl.create_default_context(cafile=authority.file) for _ in range(2))
    ours.load_cert_chain(*authority.issue("agent"))
    with talking() as model, serving(house.data, "--model", model.url, *files, *words) as (_, address):
        assert address.url.startswith("http://127.0.0.1:")
        url = house("status", "--json").json["server"]
        assert url.startswith("https://127.0.0.1:")
        token = bearer(house)
        assert called(url, ours, token) == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            called(url, stranger, token)
        assert house("path", "probe", "soc-triage", "--json", by="ana").json["status"] == 200
        checks = {one["check"]: one["state"] for one in house("doctor", "--json").json["findings"]}
        assert checks["server"] == "ok"


def test_one_process(tmp_path):
    shut_out_but_at_home(tmp_path)


def test_several_processes(tmp_path, postgres, monkeypatch):
    for name in NAMES:
        monkeypatch.setitem(os.environ, name, postgres.database())
    shut_out_but_at_home(tmp_path, "--workers", 2)


def test_it_does_not_listen_to_others_in_the_clear(tmp_path):
    house = agreed(tmp_path / "house")[0]
    said = run("serve", "--host", "0.0.0.0", "--port", 0, "--no-local-model", data=house.data)  # noqa: S104
    assert (said.code, said.error) == (2, "listen-unencrypted")
