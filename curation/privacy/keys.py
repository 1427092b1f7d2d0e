"""The user's key: where it comes from, and what may be said of it. It never stands in a recipe or in a run's folder."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from curation.errors import StageError

KEY_ENV = "STUDIO_PII_KEY"
FEWEST_BYTES = 16  # 128 bits of text; a shorter key could be found by trying, and with it every name
MAKE_ONE = "Make one: python -c 'import secrets; print(secrets.token_hex(32))'; keep it as you keep a password."


@dataclass(frozen=True, repr=False)
class Key:
    """A secret key. Each purpose gets a key of its own, so that what is published for one says nothing of another."""

    secret: bytes

    def __repr__(self) -> str:
        return "Key(…)"

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        return hmac.digest(self.secret, purpose.encode(), "sha256")

    def digest(self) -> str:
        """The digest of a digest, for the keys of shards: another key makes other shards, and tells nothing of itself."""
        return hashlib.sha256(self.derived("which key it is")).hexdigest()


def load_key(key_env: str = KEY_ENV, key_file: str | None = None) -> Key:
    """The key in the file, if one is named, else in the environment variable. Raises StageError, never naming the key."""
    if key_file is not None:
        return _checked(_read(Path(key_file).expanduser()), f"the key file {key_file}")
    value = os.environ.get(key_env, "")
    if not value.strip():
        raise StageError(
            f"there is no key in the environment variable {key_env}",
            f"Pseudonyms, fakes and hashes need one. {MAKE_ONE}",
        )
    return _checked(value.encode(), f"the key in {key_env}")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                raise StageError(f"the key file {path} can be read by others", f"chmod 600 {path}")
            return stream.read(4096)
    except OSError as error:
        raise StageError(f"the key file {path} cannot be read: {error.strerror}", MAKE_ONE) from error


def _checked(value: bytes, named: str) -> Key:
    secret = value.strip()
    if len(secret) < FEWEST_BYTES:
        raise StageError(f"{named} is too short: it needs {FEWEST_BYTES} bytes", MAKE_ONE)
    return Key(secret)
