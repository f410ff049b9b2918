"""Notices in Slack (an incoming webhook's blocks) and Microsoft Teams (a workflow's webhook with an Adaptive Card).

Both forms have elements of plain text, of which neither makes markup; what stands in them is plain besides.
"""

from dataclasses import dataclass
from typing import Any

from safeconduct.adapters.notifiers.web import Post
from safeconduct.adapters.notifiers.wording import body, subject
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.notices import Notice

SLACK_HEADER_MAX = 150
"""Characters of a header block."""

SLACK_TEXT_MAX = 3000
"""Characters of a section's text."""

SLACK_BLOCKS_MAX = 50
"""Blocks of a message. Lines are put together so that there are fewer."""


@dataclass(frozen=True, slots=True)
class Slack:
    """`Notifier` by an incoming webhook."""

    post: Post

    def send(self, entry: EntryId, notice: Notice) -> str:
        return self.post.send(slack_message(entry, notice))


@dataclass(frozen=True, slots=True)
class Teams:
    """`Notifier` by the webhook of a workflow. Office 365 connectors, which came before, take nothing any more."""

    post: Post

    def send(self, entry: EntryId, notice: Notice) -> str:
        return self.post.send(teams_message(entry, notice))


def slack_message(entry: EntryId, notice: Notice) -> dict[str, Any]:
    """Returns the message; its `text` is what notifications of Slack itself show."""
    title = subject(notice)
    header = {"type": "header", "text": _text(title[:SLACK_HEADER_MAX])}
    sections = [{"type": "section", "text": _text(part)} for part in _parts(entry, notice)]
    return {"text": title, "blocks": [header, *sections][:SLACK_BLOCKS_MAX]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _parts(entry: EntryId, notice: Notice) -> list[str]:
    parts = [""]
    for line in body(entry, notice):
        if len(parts[-1]) + len(line) >= SLACK_TEXT_MAX:
            parts.append("")
        parts[-1] += f"{line}\n"
    return parts


def teams_message(entry: EntryId, notice: Notice) -> dict[str, Any]:
    """Returns the message: runs of text, in which Adaptive Cards read no Markdown."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [_run(subject(notice), weight="Bolder"), *(_run(line) for line in body(entry, notice))],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
