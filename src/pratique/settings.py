"""What an operator may set: one frozen struct, read once from the environment and an optional TOML file.

The environment wins over the file. Rooms get values, never the environment.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

PREFIX = "PRATIQUE_"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each field is `PRATIQUE_<FIELD>` in the environment and `<field>` in the TOML file.

    home: folder of keys, log and (with SQLite) the database; back up its parts as docs/operate.md says.
    database_url: empty for SQLite in `home`, else `postgresql://…`.
    host, port: where `pratique serve` listens. address: how phones reach it, e.g. `https://port.example`.
    push_hosts: push services that are called, by name, apart by spaces; `*.` for all below. push_contact: `mailto:` or
    `https:` address they may write to. sms_gateway: `smpp://system:password@host:port?from=NAME`; empty for no SMS.
    duty_phones: numbers of the duty officer, apart by spaces, who is told by SMS in duty_language that appeals wait.
    zone: IANA zone in which people read times here. lab_port: MLLP, 0 for none inside `serve`; with lab_cert (and
    lab_key) it speaks TLS, with lab_client_ca only to laboratories with a certificate of that authority.
    oidc_issuer, oidc_client_id, oidc_client_secret: the sign-in provider of staff; empty for passkeys alone.
    """

    home: Path = Path.home() / ".local/share/pratique"
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    address: str = ""
    zone: str = "Asia/Shanghai"
    lab_port: int = 0
    push_hosts: str = (
        "fcm.googleapis.com updates.push.services.mozilla.com *.push.apple.com *.notify.windows.com"
    )
    push_contact: str = ""
    sms_gateway: str = ""
    duty_phones: str = ""
    duty_language: Literal["zh-Hans", "en"] = "zh-Hans"
    lab_cert: Path | None = None
    lab_key: Path | None = None
    lab_client_ca: Path | None = None
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    config: Path | None = None

    def public_address(self) -> str:
        """The address that goes into codes and links."""
        return self.address or f"http://{self.host}:{self.port}"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings. Raises ValueError naming the setting that is unknown or wrong."""
    chosen: dict[str, object] = {}
    if path := environment.get(PREFIX + "CONFIG"):
        chosen |= tomllib.loads(Path(path).read_text(encoding="utf-8"))
    for field in Settings.__struct_fields__:
        if value := environment.get(PREFIX + field.upper()):
            chosen[field] = value
    try:
        return msgspec.convert(chosen, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as fault:
        raise ValueError(f"a setting is wrong: {fault}") from None


def _path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError
