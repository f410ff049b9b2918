"""The operator's file: what it may say, what is refused and with which words, and how an upstream is reached by it."""

import asyncio
import ssl

import pytest

from safeconduct import settings
from safeconduct.adapters.upstreams import REREAD_S, read_upstreams
from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from safeconduct.kernel.instants import Instant, seconds
from support.immediate import START
from support.siem import make_identity
from support.vendors import VendorStandIn, asked, started

EVERYTHING = """
[upstreams.openai-eu]
vendor = "openai"
url = "https://eu.api.openai.com/v1"
key-env = "KEY"
region = "eu"
retention = "none"
models = { "main" = "gpt-main-2026-09-01" }
dialects = ["openai.responses"]

[upstreams.azure]
vendor = "azure-openai"
url = "https://house.openai.azure.com"
auth = "entra"
key-env = "KEY"

[upstreams.claude]
vendor = "anthropic"
key-env = "KEY"
betas = ["one-2026-01-01"]

[upstreams.own]
vendor = "compatible"
url = "https://models.example/v1"
proxy = "http://proxy.example:3128"
proxy-env = "PROXY"
safety-header = "X-Safety"

[upstreams.rock]
vendor = "bedrock"
experimental = true
aws-region = "eu-central-1"
access-key = "AKIDEXAMPLE"
key-env = "KEY"
"""


class Clock:
    def __init__(self):
        self.at = START

    def now(self):
        return self.at


def read(folder, text, clock=None, **environment):
    file = folder / "upstreams.toml"
    file.write_text(text)
    return read_upstreams(file, settings.read(environment).secret_at, clock or Clock())


def test_what_the_file_states_is_what_the_gateway_knows(tmp_path):
    found = read(tmp_path, EVERYTHING, KEY="sk-1", PROXY="user:pass")
    facts = {name: upstream.facts for name, upstream in found.items()}
    assert [facts[name].vendor for name in found] == ["openai", "azure-openai", "anthropic", "compatible", "bedrock"]
    eu = facts["openai-eu"]
    assert (eu.region, eu.retention, eu.names) == ("eu", "none", {"main": "gpt-main-2026-09-01"})
    assert eu.dialects == {"openai.responses"}
    assert (facts["azure"].region, facts["azure"].retention) == ("unstated", "unstated")
    assert facts["claude"].dialects == {"anthropic.messages", "anthropic.count-tokens"}
    assert [name for name in found if facts[name].experimental] == ["rock"]
    assert not any(word in repr(found) for word in ("sk-1", "user", "pass", "house."))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[upstreams.a", "upstreams-invalid", "cannot use"),
        ("[upstreams.a]\nvendor = 'nobody'", "upstreams-invalid", "upstream 'a': Invalid value 'nobody'"),
        ("[upstreams.a]\nvendor = 'nobody'", "upstreams-invalid", "vendor is one of openai, azure-openai, anthropic"),
        ("[upstreams.a]\nvendor = 'openai'\nkye-env = 'KEY'", "upstreams-invalid", "kye-env"),
        ("[upstreams.a]\nvendor = 'openai'\nkey = 'sk-1'", "upstreams-invalid", "a secret never stands in this file"),
        ("[upstreams.a]\nvendor = 'openai'", "secret-missing", "one of them"),
        ("[upstreams.a]\nvendor = 'openai'\nkey-env = 'NONE'", "secret-missing", "NONE is not set"),
        ("[upstreams.a]\nvendor = 'openai'\nkey-env = 'KEY'\nkey-file = 'f'", "secret-missing", "one of them"),
        ("[upstreams.a]\nvendor = 'compatible'\nurl = 'http://10.0.0.1/v1'", "upstream-url-insecure", "https only"),
        ("[upstreams.a]\nvendor = 'compatible'\nurl = 'https://u:p@h/v1'", "upstream-url-invalid", "without user"),
        ("[upstreams.local]\nvendor = 'openai'\nkey-env = 'KEY'", "upstreams-invalid", "another name"),
        (
            "[upstreams.a]\nvendor = 'anthropic'\nkey-env='KEY'\ndialects = ['openai.chat']",
            "upstreams-invalid",
            "not 'o",
        ),
        (
            "[upstreams.a]\nvendor = 'azure-openai'\nurl = 'https://h'\nkey-env = 'KEY'\nauth = 'x'",
            "upstreams-invalid",
            "x",
        ),
        (
            "[upstreams.a]\nvendor = 'bedrock'\naws-region = 'eu-1'\naccess-key = 'AK'\nkey-env = 'KEY'",
            "upstreams-invalid",
            "experimental = true",
        ),
        ("[upstreams.a]\nvendor = 'openai'\nkey-env = 'KEY'\nca-file = '/none'", "upstreams-invalid", "ca-file"),
        ("[upstreams.a]\nvendor = 'openai'\nkey-env = 'KEY'\nproxy = 'http://u:p@h:1'", "upstream-url-invalid", "user"),
    ],
)
def test_what_is_refused_says_what_was_expected(tmp_path, text, code, said):
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, text, KEY="sk-1")
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    key = tmp_path / "key"
    key.write_text("sk-1")
    text = f"[upstreams.a]\nvendor = 'openai'\nkey-file = '{key}'"
    key.chmod(0o640)
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "key-exposed"
    key.chmod(0o600)
    assert read(tmp_path, text)


def test_a_token_in_a_file_is_replaced_without_a_restart_and_serves_on_where_it_is_gone(tmp_path):
    token, clock = tmp_path / "token", Clock()
    token.write_text("first")
    token.chmod(0o600)

    async def main():
        async with VendorStandIn().running() as vendor:
            text = (
                f"[upstreams.a]\nvendor = 'azure-openai'\nauth = 'entra'\nurl = '{vendor.origin}'\nkey-file = '{token}'"
            )
            async with started(read(tmp_path, text, clock)["a"]) as upstream:
                await asked(upstream)
                token.write_text("second")
                clock.at = Instant(START + seconds(REREAD_S) - 1)
                await asked(upstream)
                clock.at = Instant(START + seconds(REREAD_S))
                await asked(upstream)
                token.unlink()
                clock.at = Instant(START + seconds(2 * REREAD_S))
                await asked(upstream)
            return [came.headers["authorization"] for came in vendor.came]

    assert asyncio.run(main()) == ["Bearer first", "Bearer first", "Bearer second", "Bearer second"]


def test_a_private_authority_and_a_client_certificate(tmp_path):
    certificate = key = make_identity(tmp_path)
    key.chmod(0o600)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.load_verify_locations(certificate)
    server.verify_mode = ssl.CERT_REQUIRED

    async def main(*lines):
        async with VendorStandIn(tls=server).running() as vendor:
            text = "\n".join([f"[upstreams.a]\nvendor = 'compatible'\nurl = '{vendor.origin}/v1'", *lines])
            async with started(read(tmp_path, text)["a"]) as upstream:
                head, _ = await asked(upstream)
                return head.status

    trusted = f"ca-file = '{certificate}'"
    ours = f"client-certificate = '{certificate}'\nclient-key = '{key}'"
    assert asyncio.run(main(trusted, ours)) == 200
    for missing in ((ours,), (trusted,)):  # who it is, or who we are
        with pytest.raises(UpstreamError):
            asyncio.run(main(*missing))


def test_a_proxy_gets_the_request_with_its_own_credentials_and_the_vendor_never_sees_them(tmp_path):
    async def main():
        async with VendorStandIn().running() as proxy:
            text = f"[upstreams.a]\nvendor = 'compatible'\nurl = 'http://localhost:9/v1'\nproxy = '{proxy.origin}'"
            async with started(read(tmp_path, f"{text}\nproxy-env = 'PROXY'", PROXY="us:er")["a"]) as upstream:
                await asked(upstream)
        return proxy.came[0]

    came = asyncio.run(main())
    assert came.target == "http://localhost:9/v1/chat/completions"
    assert came.headers["proxy-authorization"] == "Basic dXM6ZXI="
