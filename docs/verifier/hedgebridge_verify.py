#!/usr/bin/env python3
"""Checks an exported HedgeBridge audit log against a signed checkpoint. One file, the Python standard library, no server.

    python3 hedgebridge_verify.py events.jsonl --checkpoint checkpoint.txt --key "name+id+base64" [--lang zh]
    python3 hedgebridge_verify.py --evidence voucher.json --key "name+id+base64"
    python3 hedgebridge_verify.py --growth growth.json --key "name+id+base64"

events.jsonl    the export: one event per line, each line exactly the bytes that were written when the event happened
checkpoint.txt  size and root of the log, signed; take it from where it was kept out of the administrator's reach
voucher.json    what the log says of one voucher, each event with its way to the root (`hedgebridge audit prove VOUCHER`)
growth.json     that the log of an older checkpoint is the beginning of a newer one's (`hedgebridge audit prove --since FILE`)
--key           the public key as it was published; without a trusted key a signature proves nothing

How it works: every line is hashed as a leaf of the Merkle tree of RFC 6962, and the root over the first `size` lines must be
the one in the checkpoint. The checkpoint's Ed25519 signature is verified as in RFC 8032; this file can verify signatures
and cannot make them. Exit code: 0 all is well, 1 something does not hold, 2 wrong usage, 3 a file cannot be read as such.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys

TEXTS = {
    "ok": (
        "{size} events give the root that {name} signed for {origin}.",
        "{size} 条事件算出的根与 {name} 为 {origin} 签名的根一致。",
    ),
    "after": (
        "{count} later events are not covered by this checkpoint.",
        "其后的 {count} 条事件不在该检查点的范围内。",
    ),
    "truncated": (
        "The checkpoint counts {size} events, the file has {found}: events were cut off or deleted.",
        "检查点记录 {size} 条事件，文件中只有 {found} 条：有事件被截断或删除。",
    ),
    "rewritten": (
        "The first {size} events give the root {found}, the checkpoint says {signed}: events were changed.",
        "前 {size} 条事件算出的根为 {found}，检查点为 {signed}：有事件被改动。",
    ),
    "place": (
        "Line {line} should be event {expected} and says {found}: events are missing, exchanged or changed.",
        "第 {line} 行应为事件 {expected}，实际写的是 {found}：有事件缺失、调换或被改动。",
    ),
    "book": ("Line {line} is not an event of {origin}.", "第 {line} 行不是 {origin} 的事件。"),
    "evidence": (
        "{count} events about {subject} are in the log of {size} events that {name} signed for {origin}:",
        "{name} 为 {origin} 签名的 {size} 条日志中有 {count} 条关于 {subject} 的事件：",
    ),
    "event": ("  {index}  {at}  {actor}  {kind}", "  {index}  {at}  {actor}  {kind}"),
    "not_in_log": (
        "Event {index} is not in the log that the checkpoint signs: the evidence was changed.",
        "事件 {index} 不在检查点所签的日志中：证据被改动。",
    ),
    "nothing": ("The evidence holds no event.", "证据中没有任何事件。"),
    "growth": (
        "The log of {older} events is the beginning of the log of {newer} events: it has only grown.",
        "{older} 条事件的日志是 {newer} 条事件日志的开头：其间只增不改。",
    ),
    "no_growth": (
        "The log of {newer} events does not begin with the log of {older} events: it was rewritten in between.",
        "{newer} 条事件的日志并非以 {older} 条事件的日志开头：其间被改写。",
    ),
    "form": ("{path} is not a file of this kind.", "{path} 不是这类文件。"),
    "what": (
        "Give an export with --checkpoint, or --evidence, or --growth.",
        "请给出导出文件和 --checkpoint，或 --evidence，或 --growth。",
    ),
    "signature": (
        "The signature of {name} does not fit the checkpoint: it was altered, or signed with another key.",
        "{name} 的签名与检查点不符：检查点被改动，或由其他密钥签名。",
    ),
    "unsigned": ("The checkpoint has no signature of {name}.", "检查点中没有 {name} 的签名。"),
    "note": ("{path} is not a checkpoint in signed-note form.", "{path} 不是签名文本格式的检查点。"),
    "key": ("The key is not of the form name+id+base64.", "密钥应为“名称+标识+base64”的格式。"),
    "file": ("{path} cannot be read: {reason}", "无法读取 {path}：{reason}"),
}
MAX_FINDINGS = 20


# --- Ed25519 verification, RFC 8032, section 5.1 ----------------------------------------------------------------------
# Points of the curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P, in extended coordinates (X, Y, Z, T) with
# x = X/Z, y = Y/Z, x*y = T/Z.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def point_add(p, q):
    """The sum of two points (section 5.1.4); also right for doubling."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(factor, point):
    """`factor` times `point`, by doubling and adding. Verification has no secrets, so its time may show the factor."""
    total = IDENTITY
    while factor:
        if factor & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        factor >>= 1
    return total


def points_equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_decode(encoded):
    """The point of 32 bytes (section 5.1.3): y, and the lowest bit of x on top. None when there is no such point."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P  # x^2 = u/v
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == (P - u) % P:
        x = x * SQRT_OF_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_is_valid(public_key, message, signature):
    """Section 5.1.7: whether [S]B = R + [k]A, where k is SHA-512 over R, A and the message."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = point_decode(public_key), point_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    return points_equal(point_multiply(s, BASE), point_add(r, point_multiply(k, a)))


# --- the Merkle tree, RFC 6962, section 2.1 ---------------------------------------------------------------------------


class Tree:
    """The roots of the perfect subtrees over the leaves so far, largest first: one for every bit set in `size`."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def append(self, content):
        node, rest = hashlib.sha256(b"\x00" + content).digest(), self.size
        while rest & 1:
            node = hashlib.sha256(b"\x01" + self.peaks.pop() + node).digest()
            rest >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = hashlib.sha256(b"\x01" + peak + node).digest()
        return node


def inclusion_holds(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def growth_holds(old_size, new_size, old_root, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size in (0, new_size):
        same = old_root == (new_root if old_size else hashlib.sha256(b"").digest())
        return not proof and same
    path = ([old_root] if old_size & (old_size - 1) == 0 else []) + list(proof)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old = hashlib.sha256(b"\x01" + sibling + old).digest()
            new = hashlib.sha256(b"\x01" + sibling + new).digest()
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = hashlib.sha256(b"\x01" + new + sibling).digest()
        position, last = position >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


# --- the files ----------------------------------------------------------------------------------------------------


class Refused(Exception):
    """The name of a text, its parameters and the exit code."""

    def __init__(self, code, text, /, **params):
        super().__init__(text)
        self.code, self.text, self.params = code, text, params


def read_key(text):
    """(name, four-byte id, 32-byte public key) of `name+id+base64`."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)
        key = base64.b64decode(encoded, validate=True)
        known = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    except (ValueError, binascii.Error):
        raise Refused(2, "key") from None
    if len(key) != 33 or key[0] != 1 or known.hex() != key_id or not name:
        raise Refused(2, "key")
    return name, known, key[1:]


def read_checkpoint(note, key, path):
    """(origin, size, root) of a signed note, after its signature by `key` was verified."""
    name, key_id, public_key = key
    text, separator, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (IndexError, ValueError):
        raise Refused(3, "note", path=path) from None
    if not separator or not origin or len(root) != 32 or str(size) != lines[1] or size < 0:
        raise Refused(3, "note", path=path)
    for line in signatures.split("\n"):
        mark, _, rest = line.partition(" ")
        signer, _, encoded = rest.partition(" ")
        if mark != "—" or signer != name:
            continue
        try:
            signature = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise Refused(3, "note", path=path) from None
        if signature[:4] == key_id:
            if not signature_is_valid(public_key, f"{text}\n".encode(), signature[4:]):
                raise Refused(1, "signature", name=name)
            return origin, size, root
    raise Refused(1, "unsigned", name=name)


def check_events(lines, origin, size):
    """(number of events, root over the first `size`, findings about single lines) of an export, read line by line."""
    book = origin.rpartition("/")[2]
    tree, root, findings = Tree(), None, []
    if size == 0:
        root = tree.root()
    for number, line in enumerate(lines):
        content = line.removesuffix(b"\n")
        try:
            event = json.loads(content)
            sequence, in_book = event["sequence"], event["book"]
        except (ValueError, KeyError, TypeError, RecursionError):
            sequence, in_book = "?", None
        if sequence != number:
            findings.append(("place", {"line": number + 1, "expected": number, "found": sequence}))
        elif in_book != book:
            findings.append(("book", {"line": number + 1, "origin": origin}))
        tree.append(content)
        if tree.size == size:
            root = tree.root()
    return tree.size, root, findings


def verify(events_path, checkpoint_path, key_text):
    """(exit code, findings as (text name, parameters)) for the two files and the key."""
    key = read_key(key_text)
    try:
        with open(checkpoint_path, encoding="utf-8", newline="") as file:
            origin, size, signed = read_checkpoint(file.read(), key, checkpoint_path)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(3, "file", path=checkpoint_path, reason=error) from None
    try:
        with open(events_path, "rb") as file:
            found, root, findings = check_events(file, origin, size)
    except OSError as error:
        raise Refused(3, "file", path=events_path, reason=error) from None
    findings = findings[:MAX_FINDINGS]
    if found < size:
        findings.append(("truncated", {"size": size, "found": found}))
    elif root != signed:
        findings.append(("rewritten", {"size": size, "found": root.hex(), "signed": signed.hex()}))
    code = 1 if findings else 0
    if not findings:
        findings.append(("ok", {"size": size, "name": key[0], "origin": origin}))
    if found > size:
        findings.append(("after", {"count": found - size}))
    return code, findings


def read_json(path, form):
    """The object in a file whose member `form` says what it is."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise Refused(3, "file", path=path, reason=error) from None
    except (ValueError, RecursionError):
        raise Refused(3, "form", path=path) from None
    if not isinstance(found, dict) or found.get("form") != form:
        raise Refused(3, "form", path=path)
    return found


def verify_evidence(path, key_text):
    """(exit code, findings) for what the log says of one voucher."""
    key, file, findings = read_key(key_text), read_json(path, "hedgebridge-evidence-1"), []
    try:
        origin, size, root = read_checkpoint(file["checkpoint"], key, path)
        for item in file["events"]:
            content = item["event"].encode()
            event, index = json.loads(content), item["index"]
            leaf = hashlib.sha256(b"\x00" + content).digest()
            if inclusion_holds(leaf, index, size, [bytes.fromhex(step) for step in item["proof"]], root):
                findings.append(("event", {"index": index, **{n: event[n] for n in ("at", "actor", "kind")}}))
            else:
                findings.append(("not_in_log", {"index": index}))
        subject = file["subject"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused(3, "form", path=path) from None
    bad = [finding for finding in findings if finding[0] != "event"]
    if bad or not findings:
        return 1, bad or [("nothing", {})]
    named = {"count": len(findings), "subject": subject, "size": size, "name": key[0], "origin": origin}
    return 0, [("evidence", named), *findings]


def verify_growth(path, key_text):
    """(exit code, findings) for two checkpoints and the proof between them."""
    key, file = read_key(key_text), read_json(path, "hedgebridge-consistency-1")
    try:
        older = read_checkpoint(file["older"], key, path)
        newer = read_checkpoint(file["newer"], key, path)
        proof = [bytes.fromhex(step) for step in file["proof"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(3, "form", path=path) from None
    holds = older[0] == newer[0] and growth_holds(older[1], newer[1], older[2], newer[2], proof)
    return 1 - holds, [("growth" if holds else "no_growth", {"older": older[1], "newer": newer[1]})]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Checks an exported HedgeBridge audit log against a signed checkpoint."
    )
    parser.add_argument("events", nargs="?", help="the export, one event per line")
    parser.add_argument("--checkpoint", help="the signed checkpoint")
    parser.add_argument("--evidence", help="the evidence for one voucher")
    parser.add_argument("--growth", help="the proof that a log has only grown")
    parser.add_argument("--key", required=True, help="the published key: name+id+base64")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.evidence:
            code, findings = verify_evidence(chosen.evidence, chosen.key)
        elif chosen.growth:
            code, findings = verify_growth(chosen.growth, chosen.key)
        elif chosen.events and chosen.checkpoint:
            code, findings = verify(chosen.events, chosen.checkpoint, chosen.key)
        else:
            raise Refused(2, "what")
    except Refused as refused:
        code, findings = refused.code, [(refused.text, refused.params)]
    for name, params in findings:
        sentence = TEXTS[name][chosen.lang == "zh"].format(**params)
        sys.stdout.buffer.write(f"{sentence}\n".encode())  # UTF-8 wherever it runs
    return code


if __name__ == "__main__":
    sys.exit(main())
