"""A keyring that is a file: `PYTHON_KEYRING_BACKEND=file_keyring.FileKeyring FILE_KEYRING=keys.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class FileKeyring(KeyringBackend):
    """{service: {name: password}}. A password LOCKED is one that cannot be had."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        password = json.loads(Path(os.environ["FILE_KEYRING"]).read_text()).get(service, {}).get(username)
        if password == "LOCKED":
            raise KeyringLocked(f"{password} is what {username} is")
        return password

    def set_password(self, service: str, username: str, password: str) -> None:
        file = Path(os.environ["FILE_KEYRING"])
        held = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**held, service: {**held.get(service, {}), username: password}}))

    def delete_password(self, service: str, username: str) -> None:
        self.set_password(service, username, "")
