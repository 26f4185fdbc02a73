"""What the commands of officers share: opening a deployment, reading files, keys and times, saying what was done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from cyclopts import Parameter

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.mandates.note import BadNote, NoteSigner

Json = Annotated[bool, Parameter(name="--json")]
LARGEST = 64 * 1024 * 1024  # bytes of a file that a command reads whole


class Closing(Protocol):
    """Something that is opened, and closed when done."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closing)


@contextmanager
def opened(open_house: Callable[[], T]) -> Iterator[T]:
    """An opened deployment, closed at the end."""
    house = open_house()
    try:
        yield house
    finally:
        house.close()


def say(as_json: bool, row: dict[str, Any], line: str) -> int:
    """Print the row as JSON, or the line; the exit code of what was done."""
    print(msgspec.json.encode(row).decode() if as_json else line)
    return 0


def file_of(path: Path, most: int = LARGEST) -> bytes:
    """A file, read whole. Raises Refusal NO_FILE, TOO_LARGE."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as fault:
        text = Text(
            f"{path} cannot be read ({fault.strerror}); check the name", f"无法读取 {path}；请检查文件名"
        )
        raise Refusal("NO_FILE", path.name, text) from None
    if len(raw) > most:
        text = Text(
            f"{path} has more than {most} bytes; it is not what this command reads",
            f"{path} 超过{most}字节，不是此命令所读取的文件",
        )
        raise Refusal("TOO_LARGE", path.name, text)
    return raw


def signer_of(path: Path) -> NoteSigner:
    """An officer's key file. Raises Refusal NO_FILE, NOT_A_KEY."""
    try:
        return NoteSigner.read(file_of(path).decode())
    except (BadNote, UnicodeDecodeError):
        text = Text(
            f"{path} is not a key file of `pratique mandate key`",
            f"{path} 不是 `pratique mandate key` 生成的密钥文件",
        )
        raise Refusal("NOT_A_KEY", "key", text) from None


def time_of(text: str, field: str) -> datetime:
    """A time with its zone, given as the option `field`. Raises Refusal NO_ZONE."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        said = Text(
            "write the time as RFC 3339 with a zone, such as 2026-01-05T00:00:00Z",
            "时间请按 RFC 3339 带时区书写",
        )
        raise Refusal("NO_ZONE", field, said)
    return found
