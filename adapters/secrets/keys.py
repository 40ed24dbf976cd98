"""The master key: from HEDGEBRIDGE_MASTER_KEY, else from a vault, else from a key file that nobody else may read."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from adapters.secrets.box import KEY_BYTES, SM4_KEY_BYTES, SecretBox, SecretRefused, key_id
from messages import Message

VARIABLE: Final = "HEDGEBRIDGE_MASTER_KEY"
_MAX_KEY_FILE: Final = 4096
_SM4: Final = "sm4:"

_OWN: Final = 0o077
_HANDED_OVER: Final = 0o037
"""Bits that a key file must not have: root's may be read by its group, which is how systemd (LoadCredential, by an access list
whose mask shows as the group's bits) and Kubernetes (fsGroup) hand a secret over to a user who owns nothing."""


def open_box(
    environment: Mapping[str, str],
    key_file: Path,
    opened: Callable[[str], None] = lambda plain: None,
    vault: Callable[[], str] | None = None,
) -> SecretBox:
    """The box over the keys of the environment variable if it is set, else of the vault if one is configured, else of the
    key file.

    All three hold base64 of 32 bytes, or `sm4:` and base64 of 16; several keys stand apart by white space or commas, the
    first one seals and the others only open (rotation). SecretRefused, with the remedy, when there is no usable key."""
    text, source = environment.get(VARIABLE, ""), VARIABLE
    if not text.strip():
        text, source = (vault(), "vault") if vault is not None else (_read_private(key_file), str(key_file))
    keys = _keys(text, source)
    return SecretBox(keys, next(iter(keys)), opened)


def add_key(path: Path, sm4: bool = False) -> str:
    """Puts a fresh key on top of a key file, where it seals from now on; those below go on opening. Answers its id. The
    file is replaced as a whole: a program that is killed in between leaves the old one."""
    key = os.urandom(SM4_KEY_BYTES if sm4 else KEY_BYTES)
    _replace(path, [_line(key), *_read_private(path).split()])
    return key_id(key)


def drop_key(path: Path, name: str) -> None:
    """Takes the key `name` out of a key file. SecretRefused when it is not in it or is the one that seals. What is still
    sealed with it opens no more: look first."""
    lines = _read_private(path).replace(",", " ").split()
    ids = [next(iter(_keys(line, str(path)))) for line in lines]
    if name not in ids[1:]:
        reason = "secret.key_seals" if name in ids else "secret.key_not_there"
        raise SecretRefused(str(path), Message(reason, {"path": path, "key": name, "loaded": ", ".join(ids)}))
    _replace(path, [line for line, known in zip(lines, ids, strict=True) if known != name])


def create_key_file(path: Path, sm4: bool = False) -> str:
    """Makes a key file with a fresh key, readable by its owner only (0600), and answers the key's id. SecretRefused when
    the file exists: overwriting it would lose every secret sealed with it."""
    key = os.urandom(SM4_KEY_BYTES if sm4 else KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SecretRefused(str(path), Message("secret.key_file_exists", {"path": path})) from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # whatever the umask left
        file.write(_line(key).encode() + b"\n")
        file.flush()
        os.fsync(descriptor)
    return key_id(key)


def _read_private(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            mode = stat.S_IMODE(found.st_mode)
            if mode & (_HANDED_OVER if found.st_uid == 0 and os.geteuid() != 0 else _OWN):
                raise SecretRefused(
                    str(path), Message("secret.key_file_open", {"path": path, "mode": format(mode, "04o")})
                )
            return file.read(_MAX_KEY_FILE).decode("ascii", "replace")
    except FileNotFoundError:
        raise SecretRefused(str(path), Message("secret.no_key", {"path": path, "variable": VARIABLE})) from None
    except PermissionError:
        raise SecretRefused(str(path), Message("secret.key_file_denied", {"path": path})) from None


def _line(key: bytes) -> str:
    return (_SM4 if len(key) == SM4_KEY_BYTES else "") + b64encode(key).decode()


def _replace(path: Path, lines: list[str]) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def _keys(text: str, source: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in re.split(r"[\s,]+", text.strip()):
        needed = SM4_KEY_BYTES if part.startswith(_SM4) else KEY_BYTES
        try:
            key = b64decode(part.removeprefix(_SM4), validate=True)
        except ValueError:
            key = b""
        if len(key) != needed:
            raise SecretRefused(source, Message("secret.key_form", {"source": source}))
        keys[key_id(key)] = key
    return keys
