"""Proofs over the log's tree: that an event is in it, and that an older tree is the beginning of a newer one.

Made as in RFC 6962, 2.1.1 and 2.1.2; checked as in RFC 9162, 2.1.3.2 and 2.1.4.2, which publish the walk without
recursion. A proof is a list of 32-byte hashes; leaves are leaf hashes, indexes count from 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from hedge_core.audit.tree import EMPTY_ROOT, node_hash, root_of


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree over `leaves`, nearest sibling first. IndexError outside the tree."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} is not in a tree of {len(leaves)}")
    path: list[bytes] = []
    first, end = 0, len(leaves)
    while end - first > 1:
        middle = first + _left_size(end - first)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[first:middle]))
            first = middle
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that `leaf` stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:  # the right edge has levels without a sibling
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the tree over the first `old_size` leaves is the beginning of the tree over all `leaves`.

    Empty when the sizes are equal or the old tree has no leaf. IndexError when the old tree is the larger one."""
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"a tree of {old_size} leaves is not the beginning of one of {len(leaves)}")
    if old_size in (0, len(leaves)):
        return []
    path: list[bytes] = []
    first, end = 0, len(leaves)
    old_end = old_size
    whole = True  # the old tree itself is a subtree here: its root is known and not part of the proof
    while old_end != end:
        middle = first + _left_size(end - first)
        if old_end <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[first:middle]))
            first = middle
            whole = False
    if not whole:
        path.append(root_of(leaves[first:end]))
    return path[::-1]


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree with `old_root` is the beginning of the tree with `new_root`."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # a perfect old tree is itself the first node
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and new_node == new_root


def _left_size(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962's k)."""
    return 1 << (size - 1).bit_length() - 1
