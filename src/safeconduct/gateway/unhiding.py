"""Step 11: variables in an answer become what they stand for, where they are whole values of a tool call's arguments.

So sinks decide on resolved arguments, and these are what an agent gets. In other texts they do for a reader whom the
path clears; who isn't cleared reads the variable.
"""

from safeconduct.boundary.restoring import Tally
from safeconduct.boundary.variables import SHOWN, SHOWN_CHARACTERS, Variables, spelled
from safeconduct.gateway.dialects.said import strict
from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.json_texts import Text, texts_of, with_texts
from safeconduct.gateway.restoring import TextRestorer

CHARACTERS_MAX = 1024 * 1024
"""Characters that are put into one answer: a page with scripts a few times over. A model may name a variable often."""


class Unhiding:
    """What puts variables' texts into one answer. With `arguments` into those of tool calls, which are decided then."""

    def __init__(self, variables: Variables, *, arguments: bool) -> None:
        self._variables = variables
        self._arguments = arguments
        self._left = CHARACTERS_MAX

    def restorer(self, *, as_json: bool, argument: bool) -> TextRestorer:
        """Returns what takes one text of the answer."""
        return _OfArguments(self) if argument else _OfText(self, as_json=as_json)

    def of_value(self, value: str) -> str:
        """Returns a whole value with the text of a variable in its place, if it is one.

        Raises:
            UpstreamError: more would be put in than an answer may hold.
        """
        return self._counted(self._variables.texts.get(value, value)) if self._arguments else value

    def of_mention(self, variable: str, *, as_json: bool) -> str:
        """Returns what is read where a variable stands in a text. Raises as `of_value` does."""
        text = self._variables.texts.get(variable) if self._variables.told else None
        return variable if text is None else self._counted(spelled(text) if as_json else text)

    def judged(self, value: str) -> Tally:
        """Returns what a value counts as in which nothing was put."""
        return self._variables.judged(value)

    def shows(self, variable: str) -> bool:
        """Tells whether the model was shown a variable."""
        return variable in self._variables.texts

    def _counted(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise no_answer(f"what its variables stand for is over {CHARACTERS_MAX} characters")
        return text


class _OfArguments:
    """Takes the whole of a JSON document before anything of it goes: nothing of a tool call goes before that anyway."""

    def __init__(self, unhiding: Unhiding) -> None:
        self.tally = Tally()
        self._unhiding = unhiding
        self._pieces: list[str] = []

    @property
    def holds(self) -> bool:
        return bool(self._pieces)

    def feed(self, text: str) -> str:
        self._pieces.append(text)
        return ""

    def rest(self) -> str:
        source = "".join(self._pieces)
        self._pieces.clear()
        if "var" not in source and "\\" not in source:
            return source
        strict(source.encode())
        changes = [(one, self._resolved(one)) for one in texts_of(source)]
        return with_texts(source, [(one, text) for one, text in changes if text != one.text])

    def _resolved(self, one: Text) -> str:
        text = one.text if one.is_name else self._unhiding.of_value(one.text)
        self.tally += Tally(restored=1) if text != one.text else self._unhiding.judged(text)
        return text


class _OfText:
    """Holds back what may yet become a variable, one character less than it has."""

    def __init__(self, unhiding: Unhiding, *, as_json: bool) -> None:
        self.tally = Tally()
        self._unhiding = unhiding
        self._as_json = as_json
        self._held = ""

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, text: str) -> str:
        text = self._held + text
        ended = max((found.end() for found in SHOWN.finditer(text)), default=0)
        begun = text.find("{", max(ended, len(text) - SHOWN_CHARACTERS + 1))
        begun = len(text) if begun < 0 else begun
        self._held = text[begun:]
        return SHOWN.sub(lambda found: self._read(found[0]), text[:begun])

    def rest(self) -> str:
        held, self._held = self._held, ""
        return held

    def _read(self, variable: str) -> str:
        text = self._unhiding.of_mention(variable, as_json=self._as_json)
        if text != variable:
            self.tally += Tally(restored=1)
        elif not self._unhiding.shows(variable):
            self.tally += self._unhiding.judged(variable)
        return text
