"""Who is told: notices reach real receivers, a trial says what came back, and everybody sees their own standing."""

import http.client
from types import SimpleNamespace

import msgspec
import pytest

from support.mail import Box
from support.mail import serving as mailing
from support.patience import until
from support.serve_calls import ROUTE, asked, bearer, chat
from support.shell import PATIENCE_S, made, run, serving, witness
from support.talker import talking

PEOPLE = {"tess": "meridian, roles: [trust-and-safety]", "nora": "northwind, roles: [administrator]"}
POLICY = """
grants_policy:
  lifetimes: {0: 168}
  break_glass:
    night: {organization: northwind, role: responder, path: soc-triage, scope: northwind-perimeter, minutes: 60,
            review_hours: 48}
"""
CHANNELS = """
[channels.ops]
kind = "email"
server = "127.0.0.1:{port}"
security = "none"
from = "safeconduct@meridian.example"
to = ["ops@meridian.example"]
for = ["organization:meridian"]
[channels.down]
kind = "webhook"
url = "http://127.0.0.1:9/"
secret-file = "{secret}"
for = ["principal:nobody"]
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    house, key = made(tmp_path_factory.mktemp("notify") / "house")
    with witness(house.root / "witness", key) as cosigning:
        house.apply_with(cosigning, PEOPLE, POLICY)
    secret = house.root / "secret"
    secret.write_text("whsec_" + "QUJD" * 8)
    secret.chmod(0o600)
    box = Box()
    with mailing(box) as port:
        (house.data / "notices.toml").write_text(CHANNELS.format(port=port, secret=secret))
        with talking() as model, serving(house.data, "--model", model.url) as (process, address):
            yield SimpleNamespace(house=house, box=box, process=process, url=address.url, secret=address.secret)


def mailed(told, text):
    """Waits for a mail with a text, and returns how many there are."""

    def found():
        return [one for _, one in told.box.got if text.encode() in one.content]

    until(found, told.process, says=text)
    return found()


def test_the_other_party_is_told_of_broken_glass_and_an_entry_says_that_it_was(told):
    opened = told.house("grant", "break-glass", "night", "--reason", "nobody is awake", "--json", by="bo").json["id"]
    (mail,) = mailed(told, opened)
    assert b"northwind broke glass: night" in mail.content
    assert b"nobody is awake" not in mail.content  # reasons stay in the log

    def sent():
        listed = told.house("notify", "list", "--json").json["tried"]
        return [one["tried"] for one in listed if one["kind"] == "break-glass" and one["over"]]

    until(sent, told.process, says="an outcome")
    ((outcome,),) = sent()
    assert (outcome["channel"], outcome["outcome"], outcome["said"]) == ("ops", "sent", "taken for 1 of 1")


def test_who_is_to_vote_is_told(told):
    asked = told.house("grant", "request", "ana", "soc-triage", "--hours", 24, "--reason", "x", "--json", by="ana")
    assert asked.code == 0, asked
    mails = mailed(told, asked.json["approval"]["id"])
    assert len(mails) == 1
    assert b"approval-grant" in mails[0].content


def test_a_trial_says_what_came_back(told):
    sent = told.house("notify", "test", "ops", "--json")
    assert (sent.code, sent.json["tried"][0]["outcome"]) == (0, "sent")
    failed = told.house("notify", "test", "down", "--json")
    assert (failed.code, failed.json["tried"][0]["outcome"]) == (1, "undeliverable")
    assert "refused" in failed.json["tried"][0]["said"]
    assert told.house("notify", "test", "nowhere").error == "channel-unknown"
    for name in ("ops", "nowhere"):  # who may not hears nothing of which channels there are
        assert told.house("notify", "test", name, by="ana").error == "role-missing"
    listed = told.house("notify", "channels", "--json").json
    assert [(one["name"], one["kind"]) for one in listed] == [("ops", "email"), ("down", "webhook")]
    assert b"whsec" not in msgspec.json.encode(listed)


def test_the_calendar_is_written_for_the_calendar_that_people_use(told):
    file = told.house.root / "due.ics"
    for _ in range(2):  # what is there is replaced
        said = told.house("calendar", "--within", 365, "--ics", file, "--json")
        assert (said.code, file.read_bytes().count(b"BEGIN:VEVENT")) == (0, len(said.json))
    assert said.json


def mine(told, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(told.url.rpartition(":")[2]), timeout=PATIENCE_S)
    connection.request("GET", "/api/v1/me", headers=headers)
    response = connection.getresponse()
    said = response.status, msgspec.json.decode(response.read())
    connection.close()
    return said


def test_everybody_sees_their_own_standing_with_a_key_and_with_a_token(told):
    restricted = told.house("restrict", "principal:ana", "--suspend", "--reason", "case 12", "--json", by="ops").json
    status, answer = asked(told.url, "POST", ROUTE, chat(), bearer(told.house))
    assert status == 403
    me = told.house("whoami", "--json", by="ana")
    assert me.code == 0, me
    shown = me.json
    assert (shown["principal"], shown["organization"]) == ("ana", "northwind")
    (denial,) = (one for one in shown["denials"] if one["call"] == answer["error"]["call"])
    assert (denial["code"], denial["appeal"]) == ("suspended", f"/calls/{denial['call']}/appeal")
    assert denial["remedy"]
    (grant,) = (one for one in shown["grants"] if one["id"] == "ana-triage")
    assert [one["id"] for one in grant["restrictions"]] == [restricted["id"]]
    assert {reason["code"] for model in grant["models"] for reason in model["against"]} == {"suspended"}
    assert shown["paths"] == {"soc-triage": []}
    assert told.house("unrestrict", restricted["id"], by="ops").code == 0
    status, by_token = mine(told, authorization=f"Bearer {bearer(told.house)['authorization'].removeprefix('Bearer ')}")
    assert (status, by_token["principal"], by_token["paths"]) == (200, "ana", {"soc-triage": ["m"]})
    printed = told.house("whoami", by="ana").out
    assert printed.startswith("ana of northwind: a person, analyst\nmodels up to tier 0\npath soc-triage: m\n")
    assert f"grant ana-triage: on path soc-triage for incident-triage, open until {grant['until'][:19]}Z\n" in printed
    assert "your last calls that were refused:\n" in printed
    assert denial["call"] in printed


def test_who_has_no_grant_is_told_how_to_ask_for_one(told):
    first, _, after = told.house("whoami", by="nora").out.partition("\n")
    assert first == "nora of northwind: a person, administrator"
    assert after.startswith("models up to tier 0\nno grant, so no model: ")


def test_nobody_sees_anothers_standing(told):
    assert told.house("whoami", "--json", by="tess").json["denials"] == []
    assert {one["owner"] for one in told.house("whoami", "--json", by="bo").json["due"]} <= {"principal:bo"}
    assert mine(told)[0] == 401
    assert mine(told, authorization="Bearer sck_x")[0] == 401
    assert mine(told, authorization=f"Bearer {told.secret}")[0] == 401  # who has the data is nobody in particular


def test_a_server_with_a_broken_file_of_channels_does_not_start(tmp_path):
    house, _key = made(tmp_path / "house")
    (house.data / "notices.toml").write_text("[channels.x]\nkind = 'pigeon'\n")
    said = run("serve", "--port", "0", data=house.data)
    assert (said.error, said.out) == ("channels-invalid", "")
    assert house("notify", "test", "x").error == "no-server"
