"""TLS and mTLS with real certificates: official clients, strangers, a slow reader, and files that are no good."""

import asyncio
import datetime as dt
import re
import socket
import ssl
import stat

import openai
import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.bootstrap.listening import Where, address_of, listening, loopback, server_tls, tls_files
from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.http import connection
from safeconduct.http.connection import SEND_BUFFER_BYTES, WRITE_LIMIT_BYTES
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from support.call_ends import request
from support.certificates import DAY, Authority
from support.gateway_world import MODEL, PATH
from support.patience import PATIENCE_S
from support.streams import body_of
from support.wire import post, wire

TRANSIT_BYTES_MAX = 2 * SEND_BUFFER_BYTES + 128 * 1024  # the kernel doubles ours; and what the reader's side holds

READ_BYTES = 256_000
"""What uvloop takes from a socket at once; the upstream is ahead by that much where this process is slow."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "other authority")


def context(authority, *, client_ca=None, age=dt.timedelta(0)):
    return server_tls(tls_files(*authority.issue("server", age=age), client_ca), SystemClock().now())


@pytest.fixture(scope="module")
def gate(authority):
    with wire(tls=context(authority)) as served:
        yield served


@pytest.fixture(scope="module")
def strict(authority):
    with wire(tls=context(authority, client_ca=authority.file)) as served:
        yield served


def trusting(authority, shown=None):
    made = ssl.create_default_context(cafile=authority.file)
    if shown:
        made.load_cert_chain(*shown)
    return made


def said_to(gate, tls):
    http = openai.DefaultHttpxClient(verify=tls)
    with openai.OpenAI(
        base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0, timeout=PATIENCE_S, http_client=http
    ) as client:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        whole = client.chat.completions.create(**asked).choices[0].message.content
        streamed = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(**asked, stream=True)
            if chunk.choices
        )
    return whole, streamed


def test_the_official_client_speaks_over_tls(gate, authority):
    assert said_to(gate, trusting(authority)) == ("hello", "one two hello")


def test_a_client_that_does_not_trust_the_certificate_sends_nothing(gate, stranger):
    with pytest.raises(openai.APIConnectionError):
        said_to(gate, trusting(stranger))


def test_with_mtls_a_client_of_the_authority_gets_in(strict, authority):
    assert said_to(strict, trusting(authority, authority.issue("agent"))) == ("hello", "one two hello")


@pytest.mark.parametrize("shows", [False, True])
def test_with_mtls_others_get_no_further_than_the_handshake(strict, authority, stranger, shows):
    strict.over()
    before = len(strict.world.entries())
    with pytest.raises(openai.APIConnectionError):
        said_to(strict, trusting(authority, stranger.issue("agent") if shows else None))
    assert len(strict.world.entries()) == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_from_1_2_on(gate, authority, version):
    tls = trusting(authority)
    tls.minimum_version = tls.maximum_version = version
    with connected(gate, tls) as client:
        assert client.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused(gate, authority):
    tls = trusting(authority)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connected(gate, tls)


def connected(gate, tls, *, buffer=0):
    plain = socket.socket()
    if buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    plain.settimeout(PATIENCE_S)
    plain.connect(("127.0.0.1", gate.port))
    return tls.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_freeze_cuts_a_slow_reader_over_tls_and_leaves_no_more_on_its_way_than_without(authority):
    with wire(tls=context(authority)) as gate:
        asked = post(gate.world.tokens["ana"], request(stream=True, text="do:flood", max_tokens=1000))
        with connected(gate, trusting(authority), buffer=8192) as slow:
            slow.sendall(asked)
            received = slow.recv(4096)
            while taken(gate) != (seen := gate.run(pause(gate))):
                pass
            gate.run(freeze(gate))
            (report,) = gate.calls.running.reports
            after = rest(slow)
        call = re.search(rb"safeconduct-call: (\w+)", received, re.IGNORECASE)[1].decode()
        assert report.cut_at.keys() == {call}
        assert 0 < len(after) <= TRANSIT_BYTES_MAX
        assert seen < TRANSIT_BYTES_MAX + WRITE_LIMIT_BYTES + 2 * READ_BYTES
        gate.run(gate.calls.shutdown())
        (outcome,) = [one for one in gate.world.entries() if one.type == CALL_OUTCOME.name]
        released = gate.world.reader.open_field(outcome.id, "released").value.encode()
    assert CALL_OUTCOME.read(outcome).why == "freeze"
    assert released.startswith(body_of(received + after))


def taken(gate):
    (run,) = gate.calls.running
    return run._call._answer._received_bytes


async def pause(gate):
    await asyncio.sleep(0.2)
    return taken(gate)


async def freeze(gate):
    await asyncio.wrap_future(gate.world.writer.submit(gate.world.freeze_command(f"path:{PATH}")))


def rest(slow):
    found = b""
    try:
        while data := slow.recv(65536):
            found += data
    except OSError:  # a reset, or an end without TLS's goodbye
        pass
    return found


def test_who_does_not_end_the_handshake_is_cut_off(authority, monkeypatch):
    monkeypatch.setattr(connection, "HEADERS_S", 0.2)
    with wire(tls=context(authority)) as gate, socket.create_connection(("127.0.0.1", gate.port)) as silent:
        silent.settimeout(PATIENCE_S)
        assert silent.recv(1) == b""


@pytest.mark.parametrize("age", [DAY, -2 * DAY])
def test_a_certificate_out_of_its_time_is_refused(authority, age):
    with pytest.raises(InvalidInputError) as told:
        context(authority, age=age)
    assert told.value.code == "tls-expired"


def test_a_key_of_another_certificate_an_exposed_one_and_no_certificate_are_refused(authority, tmp_path):
    (cert, _), (_, other) = authority.issue("server"), authority.issue("another")
    assert refused(cert, other) == "tls-unusable"
    cert, key = authority.issue("server")
    assert refused(key, key) == "tls-unusable"
    assert refused(cert, key, tmp_path / "absent") == "tls-unusable"
    key.chmod(stat.S_IRUSR | stat.S_IRGRP)
    assert refused(cert, key) == "key-exposed"


def refused(cert, key, client_ca=None):
    with pytest.raises(InvalidInputError) as told:
        server_tls(tls_files(cert, key, client_ca), SystemClock().now())
    return told.value.code


@pytest.mark.parametrize(
    ("named", "optional"),
    [((1, 0, 0), False), ((0, 1, 0), False), ((0, 0, 1), False), ((1, 1, 0), True), ((0, 0, 0), True)],
)
def test_half_of_the_files_are_refused(tmp_path, named, optional):
    assert tls_files(None, None, None) is None
    with pytest.raises(InvalidInputError) as told:
        tls_files(*[tmp_path if one else None for one in named], optional=optional)
    assert told.value.code == "tls-incomplete"


def test_any_address_but_loopback_needs_tls(authority):
    tls = tls_files(*authority.issue("server"), None)
    with pytest.raises(InvalidInputError) as told, listening(Where(host="0.0.0.0", port=0)):  # noqa: S104
        pass
    assert told.value.code == "listen-unencrypted"
    for allowed in (Where(host="0.0.0.0", port=0, tls_in_front=True), Where(port=0)):  # noqa: S104
        with listening(allowed), loopback(allowed) as local:
            assert local is None
    secured = Where(host="0.0.0.0", port=0, tls=tls)  # noqa: S104
    with listening(secured) as public, loopback(secured) as local:
        assert address_of(public, tls=True).startswith("https://0.0.0.0:")
        assert address_of(local).startswith("http://127.0.0.1:")


def test_which_of_the_files_can_not_be_used_is_told(authority, tmp_path):
    (cert, key), (_, other) = authority.issue("server"), authority.issue("another")
    absent, junk = tmp_path / "absent.pem", tmp_path / "junk.pem"
    junk.write_text("junk")
    for files, what in (
        ((absent, key, None), f"certificate {absent}: No such file"),
        ((junk, key, None), f"certificate {junk}: "),
        ((cert, other, None), f"key {other}: "),
        ((cert, key, absent), f"clients' authority {absent}: No such file"),
        ((cert, key, junk), f"clients' authority {junk}: "),
    ):
        with pytest.raises(InvalidInputError) as told:
            server_tls(tls_files(*files), SystemClock().now())
        assert told.value.message.startswith(f"cannot use the {what}")
        assert told.value.remedy.startswith("give ")


def test_a_host_that_is_none_of_this_machine_is_told_as_that_and_not_as_a_port_in_use():
    with pytest.raises(UnavailableError) as told, listening(Where(host="192.0.2.1", port=0)):
        pass
    assert told.value.code == "address-unusable"
    assert "--host" in told.value.remedy
