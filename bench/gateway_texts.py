"""What the calls of bench/gateway.py say: a kilobyte of what analysts send, or of the densest log there is."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.recognizer_texts import typical

Texts = Callable[[int, int], str]
"""The text of the call with a number that takes so many bytes in JSON. No two numbers have the same."""


def dense(number: int, length: int) -> str:
    """Lines as sshd writes them: each has an address, a host and an account, some 25 findings a KB."""
    line = f"case {number}: failed password for root from 203.0.113.66 port {number % 65536} ssh2 on web-01. "
    return (line * (length // len(line) + 1))[:length]


def analysts(folder: Path) -> Texts:
    """Returns what takes questions of analysts, rules, audit records and alerts of a folder of corpora in turns."""
    pieces: list[str] = [piece for turn in zip(*typical(folder), strict=True) for piece in turn]

    @cache
    def fitted(at: int, length: int) -> str:
        text = pieces[at][:length]
        while (over := _in_json(text) - length) > 0:
            text = text[:-over]
        return text + "." * -over

    def text_of(number: int, length: int) -> str:
        head = f"case {number:07}: "
        return head + fitted(number % len(pieces), length - len(head))

    return text_of


def _in_json(text: str) -> int:
    return len(json.dumps(text)) - 2
