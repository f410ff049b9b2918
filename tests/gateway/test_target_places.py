"""Where a target stands decides what is done; and what hides a target finds it all the same."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.access.target_rules import HANDLING, Handling, Place, TargetRule
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.target_words import in_value, may_be_one
from safeconduct.gateway.targets import find_targets

SHAPES = Shapes(tools=("scan",), provider_tools=("web_search",))
CALLED = {"type": "function", "id": "c1", "function": {"name": "scan", "arguments": '{"host": "evil.py"}'}}
GUID, SHA256 = "0f8fad5b-d9cb-469f-a165-70867728950e", "9f" * 32


def place(text, target):
    return find_targets([text]).get(target)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai.chat", {"messages": [{"role": "assistant", "tool_calls": [CALLED]}]}),
        (
            "openai.responses",
            {"input": [{"type": "function_call", "name": "scan", "call_id": "c", "arguments": '{"host": "evil.py"}'}]},
        ),
        (
            "openai.responses",
            {"input": [{"type": "web_search_call", "id": "c", "action": {"type": "open_page", "url": "evil.py"}}]},
        ),
        (
            "anthropic.messages",
            {
                "max_tokens": 5,
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "c", "name": "scan", "input": {"host": "evil.py"}}],
                    }
                ],
            },
        ),
    ],
)
def test_what_a_tool_is_called_with_is_an_argument_in_every_dialect(name, body):
    asked = dialect(name).read(json.dumps({"model": "m"} | body).encode(), SHAPES)
    assert find_targets(asked.texts, asked.arguments)["evil.py"] is Place.ARGUMENT


@pytest.mark.parametrize(
    ("text", "target", "where"),
    [
        ("see evil.example today", "evil.example", Place.PROSE),
        ("see https://evil.example/a", "evil.example", Place.STRUCTURED),
        ('{"ip": "203.0.113.9"}', "203.0.113.9", Place.STRUCTURED),
        ('alert:\n{"ip": "203.0.113.9"}\nwhat is it?', "203.0.113.9", Place.STRUCTURED),
        ('alert:\n```json\n[\n"203.0.113.9"\n]\n```', "203.0.113.9", Place.STRUCTURED),
        ('say {"ip": "203.0.113.9"} and go on', "203.0.113.9", Place.PROSE),
        ("203.0.113.9 is at http://203.0.113.9/", "203.0.113.9", Place.STRUCTURED),
    ],
)
def test_addresses_with_a_scheme_and_documents_are_structured_and_the_rest_is_prose(text, target, where):
    assert place(text, target) is where


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("https://example.com@evil.example/", "evil.example"),
        ("https://example.com:443@evil.example:8443/x", "evil.example"),
        ("https://evil.example\\@example.com/", "evil.example"),
        ("hxxps[:]//evil[.]example/a", "evil.example"),
        ("hxxp://evil[.example", "evil.example"),
        ("http:\\\\evil.example\\a", "evil.example"),
        ("http://3405803785/", "203.0.113.9"),
        ("http://0xCB007109/", "203.0.113.9"),
        ("http://203.0.28937/", "203.0.113.9"),
        ("http://[::ffff:203.0.113.9]:80/", "203.0.113.9"),
        ("http://dc01/share", "host:dc01"),
        ("https://evil%2Eexample/", "evil.example"),
        ("https://github.com/Evil/Tool/blob/main/a.py", "repo:github.com/evil/tool"),
        ("https://api.github.com/repos/evil/tool/issues", "repo:github.com/evil/tool"),
    ],
)
def test_a_url_is_read_for_every_host_that_some_reader_takes_it_for(text, target):
    assert place(text, target) is Place.STRUCTURED


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ping evil . example . com now", "evil.example.com"),
        ("ping evil dot com now", "evil.com"),
        ("ping evil[dot]com, 203(.)0{.}113[ . ]9", "203.0.113.9"),
        ("ping ev\u200bil.example", "evil.example"),
        ("ping \uff45vil\u3002example", "evil.example"),
        ("ping 203\uff0e0\uff0e113\uff0e\uff19", "203.0.113.9"),
        ("ping \u0662\u0660\u0663.0.113.9", "203.0.113.9"),
        ("ping \u0435xample.com", "xn--xample-2of.com"),
        ("ping 203.0.113.009", "203.0.113.009"),
        (f"run {base64.b64encode(b'http://evil.example/a').decode()}", "evil.example"),
        (f"run -enc {base64.b64encode('curl evil.example'.encode('utf-16-le')).decode()}", "evil.example"),
        ("copy \\\\DC01\\c$\\x", "host:dc01"),
        ("clone git@git.corp.example:team/app.git", "repo:git.corp.example/team/app"),
        ("our account 1234-5678-9012 there", "aws:123456789012"),
        ("arn:aws:iam::123456789012:role/x", "aws:123456789012"),
        (f"/subscriptions/{GUID}/resourceGroups/a", f"azure:{GUID}"),
        ("sa@acme-prod-1.iam.gserviceaccount.com", "gcp:acme-prod-1"),
        (f"file {SHA256.upper()}.", f"sha256:{SHA256}"),
    ],
)
def test_what_hides_a_target_in_prose_does_not_lose_it(text, target):
    assert place(text, target) is Place.PROSE


@pytest.mark.parametrize(
    "text",
    [
        "process.parent.name and event.code of winlog.channel",
        "import os.path; System.Net.WebClient().DownloadString(x)",
        "ran cmd.exe, evil.ps1, payload.py and run.sh from C:\\Users\\bob",
        "e.g. at 12:30:45 or 01:36:09, i.e. std::vector<int> of v1.2.3; done.Next",
        "Zm9vYmFyYmF6cXV4" * 2 + " and " + "g" * 40,
    ],
)
def test_what_is_code_or_a_file_in_prose_is_no_target(text):
    assert find_targets([text]) == {}


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ({"host": "DC01"}, "host:dc01"),
        ({"accountId": 123456789012}, "aws:123456789012"),
        ({"subscription_id": GUID.upper()}, f"azure:{GUID}"),
        ({"projectId": "acme-prod-1"}, "gcp:acme-prod-1"),
        ('{"args": "{\\"target\\": \\"payload.py\\"}"}', "payload.py"),
        ({"a": [{"b": ["evil\\u002eexample", "evil.example"]}]}, "evil.example"),
        ("nmap -p- System.Net", "system.net"),
        ('{"cut": "off evil.py', "evil.py"),
        ({"evil.py": 1}, "evil.py"),
    ],
)
def test_in_an_argument_everything_that_could_be_a_target_is_one(arguments, target):
    assert find_targets([], [arguments])[target] is Place.ARGUMENT


def test_the_table_has_a_row_for_every_rule_and_place_and_refuses_nothing_for_prose_alone():
    assert set(HANDLING) == {(rule, where) for rule in TargetRule for where in Place}
    assert all(HANDLING[rule, Place.PROSE] is not Handling.REFUSE for rule in TargetRule)
    assert HANDLING[TargetRule.IN_SCOPE, Place.ARGUMENT] is Handling.REFUSE


NESTS = st.recursive(st.text(max_size=30), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner))


@given(st.lists(st.text(max_size=80), max_size=4), NESTS)
def test_arbitrary_texts_and_values_never_fail_and_arguments_find_at_least_what_prose_does(texts, value):
    found = find_targets(texts, [value])
    assert list(found) == sorted(found)
    assert find_targets(texts).keys() <= found.keys()


@pytest.mark.parametrize(
    "piece", ["a.", "1.", "a/", "://", "[.", '{"a":', "\\\\", "a@b/", "aGVsbG8", ":a", "```x\n", "%2e"]
)
def test_time_is_linear_in_what_is_sent(piece):
    find_targets([piece * (100_000 // len(piece))], [piece * (20_000 // len(piece))])


@settings(max_examples=500)
@given(
    st.text(st.one_of(st.characters(exclude_categories=("Z", "C")), st.sampled_from("abc019._-:/@\\")), max_size=40),
)
def test_a_word_of_a_value_that_is_passed_over_is_no_target(word):
    if not may_be_one(word):
        assert in_value(word) == frozenset()


@pytest.mark.parametrize(
    "word",
    ["192.0.2.1", "::1", "a.example", "\\\\web-01", "d41d8cd98f00b204e9800998ecf8427e", "aHR0cDovL2V2aWwuZXhhbXBsZS8"],
)
def test_a_word_of_a_value_that_is_a_target_is_looked_at(word):
    assert may_be_one(word)
    assert in_value(word)
