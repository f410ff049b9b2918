"""Letters that stand for others: what a word is once case, form and look of its letters are taken away."""

import unicodedata
from collections.abc import Mapping

JOINING = (
    "0-9A-Za-z_"
    "\u00aa\u00b2\u00b3\u00b9\u00ba\u00c0-\u052f"  # Latin, phonetic, combining, Greek, Cyrillic
    "\u0531-\u0587\u13a0-\u13ff\u1d00-\u1dff\u1e00-\u1fff"
    "\u2070-\u209c\u2100-\u218b\u2460-\u24ff"
    "\ua4d0-\ua4ff\ua640-\ua69f\ua720-\ua7ff\uab30-\uabbf\uff10-\uff5a"
    "\U0001d400-\U0001d7ff\U0001f100-\U0001f189"
)
"""The letters that make one word with a token beside them, as the inside of a class in a pattern: alphabets that are
written with spaces and have letters like Latin ones. Beside a Chinese or Thai letter a token stands by itself."""

LOOK_ALIKES: Mapping[int, int] = {
    **str.maketrans("абсԁеһіјӏьмпорԛгѕтѵԝхувнки", "abcdehijlbmnopqrstvwxybhku"),
    **str.maketrans("АВЕКМНОРСТУХІЈЅ", "ABEKMHOPCTYXIJS"),  # noqa: RUF001
    **str.maketrans("αβνηωχρτιοευκγ", "abvnwxptioeuky"),
    **str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),  # noqa: RUF001
    **str.maketrans("աոսցօհ", "wnugoh"),  # noqa: RUF001
    **str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
    **str.maketrans("ıłøđɑɡⅼ", "ilodagl"),
}
"""Letters that are drawn as Latin ones, as these: Cyrillic, Greek, Armenian, small capitals, others."""

_LIKE: Mapping[int, int] = {**LOOK_ALIKES, **str.maketrans("0189", "olbg")}  # and digits, which no token has

_LIKE_ASCII = bytes(_LIKE.get(code, code) for code in range(128)) + bytes(range(128, 256))


def folded_ascii(text: str, *, leaving_out: bytes = b"") -> bytes:
    """Returns what `folded` does of a text in ASCII, without some of its bytes."""
    return text.lower().encode().translate(_LIKE_ASCII, leaving_out)


def folded(word: str) -> str:
    """Returns a word without case, form and look of its letters: two that a reader may confuse are equal."""
    if word.isascii():  # as nearly all, at a hundredth of the cost
        return folded_ascii(word).decode()
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    return "".join([letter for letter in spread if not unicodedata.combining(letter)]).translate(_LIKE)
