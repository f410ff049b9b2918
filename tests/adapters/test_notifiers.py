"""The ways of notices, each against a real server, and what an attacker may put into an entry."""

import re
import ssl
import time
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from safeconduct.adapters.notifiers.chat import SLACK_BLOCKS_MAX, SLACK_TEXT_MAX, Slack, Teams
from safeconduct.adapters.notifiers.file import CHANNELS_MAX, make_notifier, read_channels
from safeconduct.adapters.notifiers.mail import Mail
from safeconduct.adapters.notifiers.web import Post, Webhook, signing_secret
from safeconduct.adapters.notifiers.wording import CHARS_MAX, plain
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.kernel.notices import LINES_MAX, Notice, NoticeLine
from safeconduct.settings import read
from support.certificates import Authority
from support.mail import Box, drip, hang, misbehaving, serving
from support.patience import PATIENCE_S

ENTRY = "01KAR6Y8T00000000000000000"
AT = parse_rfc3339("2026-11-22T07:00:00Z")
SECRET = "whsec_" + "QUJD" * 8
HOSTILE = (
    "<!channel> <@U1> *b* _i_ [a](https://evil.example) http://x @all\r\nBcc: x@evil.example\n\x1b[2J {{DATE(1)}} `c`"
)


def notice(text="it ends", name="ana-triage", lines=1):
    line = NoticeLine(
        kind="grant", name=name, at=AT, owner="principal:ana", text=text, look="safeconduct grant show ana-triage"
    )
    return Notice(kind="calendar", to="northwind", at=AT, subject=f"due: {text}", lines=(line,) * lines)


def mail(port, **changed):
    options = {"host": "127.0.0.1", "security": "none", "sender": "sc@north.example", "timeout_s": 20.0}
    return Mail(**options | {"name": "ops", "port": port, "recipients": ("ops@north.example",)} | changed)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("mail"))
    certificate, key = authority.issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context, str(authority.file)


def delivered(box):
    ((encrypted, envelope),) = box.got
    return encrypted, message_from_bytes(envelope.content, policy=default)


def test_mail_is_delivered_after_starttls_with_a_password(tls):
    context, ca = tls
    known = {"security": "starttls", "user": "sc", "password": "secret"}
    with serving(box := Box(), context, later=True, password="secret") as port:
        assert mail(port, **known, ca_file=ca).send(ENTRY, notice()) == "taken for 1 of 1"
        with pytest.raises(UnavailableError, match="certificate"):
            mail(port, **known).send(ENTRY, notice())
    encrypted, message = delivered(box)
    assert encrypted
    assert (message["Subject"], message["Auto-Submitted"]) == ("Safeconduct: due: it ends", "auto-generated")
    assert message["Message-ID"] == f"<{ENTRY}.ops@north.example>"
    assert "2026-11-22T07:00:00Z  grant ana-triage  principal:ana" in message.get_content()


def test_mail_is_delivered_over_tls_from_the_first_byte(tls):
    context, ca = tls
    with serving(box := Box(), context) as port:
        assert mail(port, security="tls", ca_file=ca).send(ENTRY, notice()) == "taken for 1 of 1"
        with pytest.raises(UnavailableError, match="certificate"):
            mail(port, security="tls").send(ENTRY, notice())
    assert len(box.got) == 1


def test_a_server_without_starttls_gets_nothing():
    with serving(box := Box()) as port, pytest.raises(UnavailableError, match="STARTTLS"):
        mail(port, security="starttls").send(ENTRY, notice())
    assert box.got == []


def test_whom_the_server_does_not_know_is_told_and_the_others_get_it():
    with serving(box := Box("gone@north.example")) as port:
        both = ("ops@north.example", "gone@north.example")
        assert mail(port, recipients=both).send(ENTRY, notice()) == "taken for 1 of 2"
        with pytest.raises(UnavailableError, match="no such user"):
            mail(port, recipients=both[1:]).send(ENTRY, notice())
    assert len(box.got) == 1


@pytest.mark.parametrize("send", [hang, drip])
def test_a_mail_server_that_hangs_or_drips_is_cut_off_in_time(send):
    with misbehaving(send) as port:
        begun = time.monotonic()
        with pytest.raises(UnavailableError):
            mail(port, timeout_s=0.5).send(ENTRY, notice())
        assert time.monotonic() - begun < PATIENCE_S  # the server would take for ever


@pytest.mark.parametrize("host", ["mail.north.example", "192.0.2.1"])
def test_no_notice_leaves_the_machine_readable(host):
    with pytest.raises(InvalidInputError) as refused:
        mail(25, host=host)
    assert refused.value.code == "channel-unencrypted"
    with pytest.raises(InvalidInputError):
        Post(f"http://{host}/hook")


class Hook:
    """A receiver over HTTP. `status` is what it answers next."""

    def __init__(self):
        self.got, self.status = [], 200

    def __enter__(self):
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                hook.got.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(hook.status)
                self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_told):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=1"
        return self

    def __exit__(self, *_raised):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def receiver():
    with Hook() as hook:
        yield hook


@pytest.fixture
def hook(receiver):
    receiver.got.clear()
    receiver.status = 200
    return receiver


class Now:
    def now(self):
        return Instant(time.time_ns() // 1000)


def test_a_webhook_is_what_the_published_verifier_takes_and_a_changed_one_is_not(hook):
    assert Webhook(Post(hook.url), signing_secret(SECRET), Now()).send(ENTRY, notice(HOSTILE)).startswith("200")
    ((path, headers, body),) = hook.got
    verified = Verifier(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
    assert (path, verified["type"]) == ("/hook?key=1", "safeconduct.notice.calendar")
    assert (verified["data"]["notice"], headers["webhook-id"]) == (ENTRY, ENTRY)
    assert verified["data"]["lines"][0]["text"] == HOSTILE  # data for programs, as the log has it
    lowered = {name.lower(): value for name, value in headers.items()}
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body.replace(b"northwind", b"southwind"), lowered)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body, lowered | {"webhook-id": "another"})


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500])
def test_only_success_is_success_and_no_redirect_is_followed(hook, status):
    hook.status = status
    with pytest.raises(UnavailableError) as failed:
        Slack(Post(hook.url)).send(ENTRY, notice())
    assert str(status) in failed.value.message
    assert "key=1" not in failed.value.message  # the address is a secret
    assert len(hook.got) == 1


@pytest.mark.parametrize("send", [hang, drip])
def test_a_web_server_that_hangs_or_drips_is_cut_off_in_time(send):
    with misbehaving(send) as port, pytest.raises(UnavailableError):
        Post(f"http://127.0.0.1:{port}/", timeout_s=0.5).send({})


def texts(document):
    """Yields every text that a program would show."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "text" and isinstance(value, str):
                yield value
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)


MEANT = re.compile(r"[<>*`~@{}#|\\\x00-\x08\x0b-\x1f\x7f]|://|\]\(|\w\.\w|(?<!\w)_|_(?!\w)")
"""What Slack, Teams or a mail program would make something of: markup, mentions, links, control characters."""


@pytest.mark.parametrize(
    "name", [HOSTILE, "www.evil.example", "a.(b", "tel:1", "\u202eevil", "![x](y)", "<https://x|y>"]
)
def test_nothing_of_an_entry_becomes_markup_a_link_or_a_mention(hook, name):
    hostile = notice(name, name)
    Slack(Post(hook.url)).send(ENTRY, hostile)
    Teams(Post(hook.url)).send(ENTRY, hostile)
    slack, teams = (msgspec.json.decode(body) for _, _, body in hook.got)
    with serving(box := Box()) as port:
        mail(port).send(ENTRY, hostile)
    _, message = delivered(box)
    assert message["Bcc"] is None
    assert message.get_content_type() == "text/plain"
    mailed = message.get_content().replace("\r\n", "\n")
    for text in (*texts(slack), *texts(teams), message["Subject"], mailed):
        assert not MEANT.search(text), text
    assert {block["text"]["type"] for block in slack["blocks"]} == {"plain_text"}
    (card,) = (one["content"] for one in teams["attachments"])
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}


def test_long_values_are_cut_and_many_lines_fit_what_slack_takes(hook):
    assert len(plain("x" * (CHARS_MAX + 1))) == CHARS_MAX
    Slack(Post(hook.url)).send(ENTRY, notice("x" * 900, "y" * 900, LINES_MAX))
    blocks = msgspec.json.decode(hook.got[0][2])["blocks"]
    assert len(blocks) <= SLACK_BLOCKS_MAX
    assert max(len(block["text"]["text"]) for block in blocks[1:]) <= SLACK_TEXT_MAX


@pytest.fixture
def folder(tmp_path):
    for name, text, mode in (("hook", SECRET, 0o600), ("open", SECRET, 0o644), ("url", "https://x.example/h", 0o600)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    return tmp_path


def made(folder, table):
    file = folder / "notices.toml"
    file.write_text(table.replace("HERE", str(folder)))
    return [make_notifier(name, one, read({}).secret_at, Now()) for name, one in read_channels(file).items()]


GOOD = """
[channels.mail]
kind = "email"
server = "mail.example:587"
from = "sc@north.example"
to = ["ops@north.example"]
for = ["organization:northwind", "principal:ana"]
kinds = ["calendar"]
[channels.hook]
kind = "webhook"
url = "https://soar.example/hook"
secret-file = "HERE/hook"
[channels.slack]
kind = "slack"
url-file = "HERE/url"
[channels.teams]
kind = "teams"
url-file = "HERE/url"
"""


def test_the_file_names_every_kind_of_channel_and_no_file_is_none(folder):
    assert [type(one) for one in made(folder, GOOD)] == [Mail, Webhook, Slack, Teams]
    assert read_channels(folder / "absent") == {}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("HERE/hook", "HERE/open", "key-exposed"),
        ("HERE/hook", "HERE/url", "webhook-secret-invalid"),
        ('secret-file = "HERE/hook"', 'secret = "whsec_x"', "channels-invalid"),
        ('secret-file = "HERE/hook"', "", "secret-missing"),
        ("https://soar", "http://soar", "destination-unencrypted"),
        ("principal:ana", "ana", "channels-invalid"),
        ('"calendar"', '"everything"', "channels-invalid"),
        ("mail.example:587", "mail.example", "channels-invalid"),
        ('to = ["ops@north.example"]', 'to = ["ops@north.example\\nBcc: x@y.z"]', "channels-invalid"),
        ('to = ["ops@north.example"]', "to = []", "channels-invalid"),
        ("channels.hook", "channels.Hook", "channels-invalid"),
        ('"slack"', '"pigeon"', "channels-invalid"),
    ],
)
def test_a_file_that_could_leak_or_is_misread_is_refused(folder, old, new, code):
    assert old in GOOD
    with pytest.raises(InvalidInputError) as refused:
        made(folder, GOOD.replace(old, new))
    assert refused.value.code == code


@pytest.mark.parametrize(("count", "taken"), [(CHANNELS_MAX, True), (CHANNELS_MAX + 1, False)])
def test_so_many_channels_may_be_named(folder, count, taken):
    table = "".join(f'[channels.c{number}]\nkind = "slack"\nurl-file = "HERE/url"\n' for number in range(count))
    if taken:
        assert len(made(folder, table)) == count
    else:
        with pytest.raises(InvalidInputError):
            made(folder, table)


def test_a_secret_is_as_long_as_the_specification_asks():
    assert len(signing_secret("whsec_" + "QUJD" * 8)) == 24
    with pytest.raises(InvalidInputError):
        signing_secret("whsec_" + "QUJD" * 7 + "QUI=")
