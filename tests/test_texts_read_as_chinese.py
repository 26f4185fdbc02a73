"""What people read in Chinese is set in Chinese punctuation, wherever it stands."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:?!][\u4e00-\u9fff]")


def test_no_half_width_mark_stands_between_chinese_characters() -> None:
    sources = [*(ROOT / "src" / "pratique").rglob("*"), *(ROOT / "web").rglob("*")]
    faults = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in sources
        if path.suffix in (".py", ".json", ".html", ".ts", ".tsx")
        and not {"node_modules", "static"} & set(path.parts)
        for found in [HALF_WIDTH.search(path.read_text(encoding="utf-8"))]
        if found
    ]

    assert len(sources) > 100
    assert faults == []
