"""The TypeScript twin as a process: questions and answers of plain JSON, one a line (`web/twin.mjs`)."""

import json
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from pratique.credentials.snapshot import Snapshot
from pratique.credentials.trust import bundle_body

WEB = Path(__file__).parents[2] / "web"
AT_ONCE = 50  # questions on their way; more could fill both pipes


def b64(raw: bytes) -> str:
    """base64url without padding, as the twin reads bytes."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Twin:
    """One node process with the twin in it."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            ["node", "twin.mjs"],
            cwd=WEB,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._trusts = 0

    def __enter__(self) -> "Twin":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._node.communicate()

    def ask(self, op: str, **question: Any) -> Any:
        """One answer."""
        return self.ask_all([{"op": op} | question])[0]

    def ask_all(self, questions: Iterable[dict[str, Any]]) -> list[Any]:
        """The answers in order."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        waiting, answers = list(questions), []
        for start in range(0, len(waiting), AT_ONCE):
            part = waiting[start : start + AT_ONCE]
            for question in part:
                self._node.stdin.write(json.dumps(question) + "\n")
                self._node.stdin.flush()
            answers += [json.loads(self._node.stdout.readline()) for _ in part]
        return answers

    def trust(self, snapshot: Snapshot) -> str:
        """Give the twin what `snapshot` knows; the name for later questions."""
        self._trusts += 1
        name = f"trust-{self._trusts}"
        told = self.ask("trust", name=name, body=b64(bundle_body(snapshot.bundle)), icvp=snapshot.icvp)
        if "number" not in told:
            raise ValueError(f"the twin does not take this list: {told}")
        return name
