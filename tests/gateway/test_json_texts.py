"""The texts of a document by their places, whatever stands between them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.json_texts import texts_of, with_texts

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\/~,:{}[] \n\u00e9', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"~/,:', max_size=3), inner, max_size=3),
    max_leaves=12,
)


def walked(value, pointer=""):
    """Every text and name with its place, by walking what a JSON reader gives."""
    if isinstance(value, str):
        yield pointer, value, False
    elif isinstance(value, dict):
        for name, inner in value.items():
            at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield at, name, True
            yield from walked(inner, at)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from walked(inner, f"{pointer}/{place}")


@given(DOCUMENTS, st.sampled_from([None, 2]), st.sampled_from([(",", ":"), (" ,\n", "\t: "), (", ", ": ")]))
def test_every_text_has_its_place_and_is_a_name_only_as_one(document, indent, separators):
    source = json.dumps(document, indent=indent, separators=separators)
    found = list(texts_of(source))
    assert [(one.pointer, one.text, one.is_name) for one in found] == list(walked(document))
    assert [json.loads(source[one.start : one.end]) for one in found] == [one.text for one in found]
    assert json.loads(with_texts(source, [(one, one.text) for one in found])) == document
