"""The log's tree against certificate-transparency's published vectors and against RFC 6962's own recursive definition."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.audit.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from hedge_core.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of

# The eight leaves, in hex, that certificate-transparency's Merkle tests use, and the root over the first n of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(content) for content in LEAVES]

leaf_lists = st.lists(st.binary(max_size=8), max_size=70).map(lambda contents: [leaf_hash(c) for c in contents])


def naive_root(leaves):
    """RFC 6962, 2.1, word for word: the largest power of two below n on the left, the rest on the right."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(index, leaves):
    """RFC 6962, 2.1.1: PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old, leaves, whole):
    """RFC 6962, 2.1.2: SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if old <= k:
        return [*naive_subproof(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], False), naive_root(leaves[:k])]


def test_an_empty_tree_has_the_hash_of_nothing():
    assert root_of([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()
    assert Frontier().root() == EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_published_by_certificate_transparency(size):
    assert root_of(HASHES[:size]).hex() == ROOTS[size - 1]


def test_appending_one_leaf_at_a_time_passes_through_every_published_root():
    frontier = Frontier()
    for number, leaf in enumerate(HASHES, start=1):
        frontier = frontier.append(leaf)
        assert (frontier.size, frontier.root().hex()) == (number, ROOTS[number - 1])


# Published with the same leaves (their indexes count from 1, ours from 0).
@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_inclusion_paths_are_those_published_by_certificate_transparency(index, size, path):
    proof = inclusion_proof(HASHES[:size], index)
    assert [step.hex() for step in proof] == path
    assert verify_inclusion(HASHES[index], index, size, proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (1, 1, []),
        (
            1,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_consistency_proofs_are_those_published_by_certificate_transparency(old, new, path):
    proof = consistency_proof(HASHES[:new], old)
    assert [step.hex() for step in proof] == path
    old_root, new_root = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert verify_consistency(old, new, old_root, new_root, proof)


@given(leaf_lists)
def test_the_frontier_has_the_root_of_the_recursive_definition(leaves):
    assert root_of(leaves) == naive_root(leaves)


@given(leaf_lists, st.integers(0, 70))
def test_a_frontier_stored_and_read_back_goes_on_as_if_never_stored(leaves, cut):
    before = Frontier().extend(leaves[:cut])
    after = Frontier.from_bytes(before.size, before.to_bytes()).extend(leaves[cut:])
    assert after.root() == naive_root(leaves)


@pytest.mark.parametrize(("size", "stored"), [(1, b""), (0, bytes(32)), (3, bytes(32)), (1, bytes(31))])
def test_a_stored_frontier_that_does_not_fit_its_size_is_refused(size, stored):
    with pytest.raises(ValueError):
        Frontier.from_bytes(size, stored)


@given(leaf_lists.filter(bool), st.data())
def test_an_inclusion_proof_follows_the_recursive_definition_and_verifies(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(leaves, index)
    assert proof == naive_path(index, leaves)
    assert verify_inclusion(leaves[index], index, len(leaves), proof, naive_root(leaves))


@given(leaf_lists.filter(bool), st.data())
def test_an_inclusion_proof_does_not_verify_for_anything_else(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(leaves, index), naive_root(leaves)
    assert not verify_inclusion(leaf_hash(b"another leaf"), index, len(leaves), proof, root)
    assert not verify_inclusion(leaves[index], index, len(leaves), proof, leaf_hash(b"another root"))
    assert not verify_inclusion(leaves[index], index, len(leaves), [*proof, root], root)
    assert not verify_inclusion(leaves[index], len(leaves), len(leaves), proof, root)
    if proof:
        assert not verify_inclusion(leaves[index], index, len(leaves), proof[:-1], root)


@given(leaf_lists, st.data())
def test_a_consistency_proof_follows_the_recursive_definition_and_verifies(leaves, data):
    old = data.draw(st.integers(0, len(leaves)))
    proof = consistency_proof(leaves, old)
    if old:
        assert proof == naive_subproof(old, leaves, True)
    assert verify_consistency(old, len(leaves), naive_root(leaves[:old]), naive_root(leaves), proof)


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=40, unique=True), st.data())
def test_a_consistency_proof_does_not_verify_for_a_rewritten_past(contents, data):
    leaves = [leaf_hash(content) for content in contents]
    old = data.draw(st.integers(1, len(leaves)))
    altered = data.draw(st.integers(0, old - 1))
    rewritten = [*leaves[:altered], leaf_hash(b"rewritten"), *leaves[altered + 1 :]]
    proof = consistency_proof(rewritten, old)
    assert not verify_consistency(old, len(leaves), naive_root(leaves[:old]), naive_root(rewritten), proof)


def test_a_proof_outside_the_tree_cannot_be_made():
    for ask in (lambda: inclusion_proof(HASHES, 8), lambda: inclusion_proof([], 0), lambda: consistency_proof([], 1)):
        with pytest.raises(IndexError):
            ask()


def test_a_larger_old_tree_and_a_missing_proof_are_not_consistent():
    root = root_of(HASHES)
    assert not verify_consistency(9, 8, root, root, [])
    assert not verify_consistency(3, 8, root_of(HASHES[:3]), root, [])
    assert not verify_consistency(0, 8, root, root, [])
