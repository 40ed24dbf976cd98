"""The master key: from HEDGEBRIDGE_MASTER_KEY, else from a key file that only its owner may read."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from adapters.secrets.box import KEY_BYTES, SecretBox, SecretRefused, key_id
from messages import Message

VARIABLE: Final = "HEDGEBRIDGE_MASTER_KEY"
_MAX_KEY_FILE: Final = 4096


def open_box(
    environment: Mapping[str, str], key_file: Path, opened: Callable[[str], None] = lambda plain: None
) -> SecretBox:
    """The box over the keys of the environment variable if it is set, else of the key file.

    Both hold base64 of 32 bytes; several keys stand apart by white space or commas, the first one seals and the others
    only open (rotation). SecretRefused, with the remedy, when there is no usable key."""
    text = environment.get(VARIABLE, "")
    keys = _keys(text, VARIABLE) if text.strip() else _keys(_read_private(key_file), str(key_file))
    return SecretBox(keys, next(iter(keys)), opened)


def create_key_file(path: Path) -> str:
    """Makes a key file with a fresh key, readable by its owner only (0600), and answers the key's id. SecretRefused when
    the file exists: overwriting it would lose every secret sealed with it."""
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SecretRefused(str(path), Message("secret.key_file_exists", {"path": path})) from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # whatever the umask left
        file.write(b64encode(key) + b"\n")
        file.flush()
        os.fsync(descriptor)
    return key_id(key)


def _read_private(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SecretRefused(
                    str(path), Message("secret.key_file_open", {"path": path, "mode": format(mode, "04o")})
                )
            return file.read(_MAX_KEY_FILE).decode("ascii", "replace")
    except FileNotFoundError:
        raise SecretRefused(str(path), Message("secret.no_key", {"path": path, "variable": VARIABLE})) from None
    except PermissionError:
        raise SecretRefused(str(path), Message("secret.key_file_denied", {"path": path})) from None


def _keys(text: str, source: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in re.split(r"[\s,]+", text.strip()):
        try:
            key = b64decode(part, validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise SecretRefused(source, Message("secret.key_form", {"source": source}))
        keys[key_id(key)] = key
    return keys
