"""A voice: one recorded sentence for each verdict and language, played as the verdict falls.

The folder holds `OUTCOME-REASON.LANGUAGE.wav` (`clear-pass.zh-Hans.wav`). `pratique gate voices FOLDER` makes a first
set with espeak-ng; recordings of a person under the same names are better. Files are opened at start, so that the
sentence begins at once.
"""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from pratique.gate.model import EVERY_PAIR, Pair
from pratique.gate.ports import Sign
from pratique.gate.texts import reason_line

LANGUAGES = ("zh-Hans", "en")
PLAYER = ("aplay", "-q", "-")
SPOKEN = 10.0  # seconds: no sentence is longer
_VOICES = {"zh-Hans": "cmn", "en": "en-us"}


class Voice:
    """Speaks in each of `languages`, in that order."""

    def __init__(
        self, folder: Path, languages: Sequence[str] = LANGUAGES, player: Sequence[str] = PLAYER
    ) -> None:
        """Raises ValueError where the folder has no sentence at all."""
        self._player = tuple(player)
        self._sentences: dict[tuple[str, str], list[bytes]] = {
            pair: [
                path.read_bytes()
                for language in languages
                if (path := file_of(folder, pair, language)).is_file()
            ]
            for pair in EVERY_PAIR
        }
        if not any(self._sentences.values()):
            raise ValueError(
                f"{folder}: no sentence is there: make them with `pratique gate voices {folder}`"
            )

    def tell(self, sign: Sign) -> None:
        """Speak a verdict; nothing at rest. Raises OSError where the player fails."""
        if sign.state not in ("decided", "waiting_passage", "annulled"):
            return
        for sentence in self._sentences.get((sign.outcome, sign.reason), ()):
            try:
                played = subprocess.run(
                    self._player, input=sentence, capture_output=True, timeout=SPOKEN, check=False
                )
            except subprocess.TimeoutExpired as fault:
                raise OSError("the player does not end") from fault
            if played.returncode:
                raise OSError("the player failed")


def file_of(folder: Path, pair: tuple[str, str], language: str) -> Path:
    """Where a sentence is."""
    return folder / f"{pair[0]}-{pair[1]}.{language}.wav"


def make_voices(folder: Path, pairs: Iterable[Pair] = EVERY_PAIR) -> int:
    """Write a first set of sentences with espeak-ng; how many. Raises ValueError where it is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for pair in pairs:
        text = reason_line(*pair)
        for language in LANGUAGES:
            target = str(file_of(folder, pair, language))
            command = ["espeak-ng", "-v", _VOICES[language], "-s", "150", "-w", target]
            try:
                subprocess.run([*command, text.of(language)], check=True, capture_output=True, timeout=60)
            except FileNotFoundError:
                raise ValueError("espeak-ng is missing: apt-get install espeak-ng") from None
            except subprocess.SubprocessError:
                raise ValueError(
                    f"espeak-ng cannot speak {language}: apt-get install espeak-ng-data"
                ) from None
            made += 1
    return made
