"""Tile paths and contents as C2SP tlog-tiles gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger import merkle
from safeconduct.ledger.tiles import (
    INDEX_MAX,
    LEAF_BYTES_MAX,
    Edge,
    Tile,
    all_tiles,
    bundles_of,
    decode_bundle,
    encode_bundle,
    load_edge,
    split_bundle,
    subtrees,
    tiles_of,
)


def leaves(count):
    return [merkle.leaf_hash(number.to_bytes(4)) for number in range(count)]


def test_the_specification_s_example_of_a_path():
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(None, 5, 3).path == "tile/entries/005.p/3"


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 2**40), st.integers(1, 256))
def test_a_path_reads_back(level, number, width):
    tile = Tile(level, number, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/00/001",
        "tile/64/001",
        "tile/0/x001/1",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/999",
        "tile/0/../001",
        "tile/data/001",
        "checkpoint",
        "tile/0/001\n",
    ],
)
def test_what_is_no_tile_path(path):
    with pytest.raises(InvalidInputError):
        Tile.parse(path)


def test_the_specification_s_example_of_a_tree():
    tiles = list(tiles_of(70_000))
    assert [sum(tile.level == level and tile.width == 256 for tile in tiles) for level in range(3)] == [273, 1, 0]
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(bundles_of(257)) == [Tile(None, 0), Tile(None, 1, 1)]
    assert list(tiles_of(0)) == list(bundles_of(0)) == []


def test_the_tiles_of_a_tree_are_made_when_they_are_asked_for():
    bundles = bundles_of(INDEX_MAX)  # what a log may claim and nobody's memory holds
    assert (len(bundles), bundles[-1]) == (1 << 45, Tile(None, (1 << 45) - 1, 255))
    assert list(bundles[-2:]) == [Tile(None, (1 << 45) - 2), bundles[-1]]
    assert list(bundles_of(512)[1:]) == [Tile(None, 1)]
    assert next(tiles_of(INDEX_MAX)) == Tile(0, 0)
    with pytest.raises(IndexError):
        _ = bundles_of(256)[1]


def test_growing_in_any_batches_makes_the_same_tiles_and_root():
    hashes = leaves(66_000)
    expected = all_tiles(b"".join(hashes))
    edge, stored = Edge(merkle.Frontier()), {}
    for start, end in [(0, 1), (1, 255), (255, 256), (256, 700), (700, 65_536), (65_536, 65_537), (65_537, 66_000)]:
        stored |= edge.extend(hashes[start:end])
        read = {name: stored[name] for name in stored}
        loaded = load_edge(end, lambda tile, read=read: read[tile.level, tile.number][: tile.width * 32])
        assert (loaded.frontier.nodes, loaded.rows[:2]) == (edge.frontier.nodes, edge.rows[:2])
    assert stored == expected
    assert len(expected) == 258 + 2 + 1


@given(st.integers(1, 600), st.data())
def test_proofs_from_tiles_verify(size, data):
    hashes = leaves(size)
    tiles = all_tiles(b"".join(hashes))
    source = subtrees(size, lambda tile: tiles[tile.level, tile.number][: tile.width * 32])
    root = merkle.root(size, source)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    merkle.verify_inclusion(index, size, hashes[index], merkle.inclusion_proof(index, size, source), root)
    proof = merkle.consistency_proof(old, size, source)
    merkle.verify_consistency(old, size, proof, merkle.root(old, source), root)


def test_a_short_tile_is_damage():
    with pytest.raises(UnavailableError, match=r"tile/0/000\.p/3 has 64 bytes, expected 96"):
        merkle.root(3, subtrees(3, lambda _tile: bytes(64)))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


def test_bundle_golden_bytes():
    assert encode_bundle([b"", b"abc"]) == b"\x00\x00\x00\x03abc"


def test_the_leaf_limit_at_its_edge_and_one_beyond():
    assert decode_bundle(encode_bundle([b"x" * LEAF_BYTES_MAX]), 1) == [b"x" * 65_535]
    with pytest.raises(InvalidInputError, match="at most 65535"):
        encode_bundle([b"x" * (LEAF_BYTES_MAX + 1)])


@given(st.binary(max_size=60), st.integers(0, 5))
def test_any_bytes_are_a_bundle_or_an_error(content, width):
    try:
        entries = decode_bundle(content, width)
    except InvalidInputError:
        assert len(b"".join(split_bundle(content))) <= len(content)
    else:
        assert encode_bundle(entries) == content
