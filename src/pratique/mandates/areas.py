"""The areas of a deployment: one list, by code, named in both languages. Mandates, grants and cases name no other.

The first mandate that is published begins the list with the areas it names; from then on an area is added by the
operator (`pratique area add`), and a mandate that names another is refused before anybody signs it. So a slip of the
pen makes no cases that no desk can see. Nothing is taken off: what was named once is named in signed documents.
"""

import re

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import store
from pratique.mandates.model import Document
from pratique.store.tx import Tx

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_CODE, LONGEST_NAME = 40, 60


class Area(msgspec.Struct, frozen=True):
    """One area."""

    code: str
    name: Text


def areas(tx: Tx) -> list[Area]:
    """The list, by code."""
    return [Area(code, Text(en, zh)) for code, en, zh in store.areas(tx)]


def add_area(tx: Tx, moment: Moment, code: str, name: Text) -> Area:
    """Add an area, or name one anew. Raises Refusal naming the field."""
    if not CODE.fullmatch(code) or len(code) > LONGEST_CODE:
        raise Refusal(
            "BAD_AREA",
            "code",
            Text(
                f"an area's code is at most {LONGEST_CODE} small letters, digits and hyphens, such as north-quay",
                f"片区代码为小写字母、数字和连字符，最多 {LONGEST_CODE} 个字符，如 north-quay",
            ),
        )
    for field, said in (("en", name.en), ("zh", name.zh_hans)):
        if not 1 <= len(said.strip()) <= LONGEST_NAME:
            raise Refusal(
                "BAD_AREA",
                field,
                Text(
                    f"name the area, in at most {LONGEST_NAME} characters",
                    f"请填写片区名称，最多 {LONGEST_NAME} 字",
                ),
            )
    store.put_area(tx, code, name.en.strip(), name.zh_hans.strip(), moment.now_ms)
    return Area(code, name)


def check_areas(tx: Tx, document: Document) -> None:
    """Raises Refusal where a mandate names an area that is not on the list, once there is one."""
    known = {area.code for area in areas(tx)}
    for n, code in enumerate(document.scope.areas):
        if known and code not in known:
            raise Refusal("UNKNOWN_AREA", f"scope.areas[{n}]", UNKNOWN)


def begin_list(tx: Tx, moment: Moment, document: Document) -> None:
    """Where there is no list yet: the areas of this mandate, and of all published before it, are the list."""
    if areas(tx):
        return
    named = [document, *store.published_documents(tx)]
    for code in dict.fromkeys(code for one in named for code in one.scope.areas if code.strip()):
        store.put_area(tx, code, code, code, moment.now_ms)


UNKNOWN = Text(
    "this area is not on the list of this deployment: `pratique area list` shows it, `pratique area add` adds to it",
    "该片区不在本部署的片区表中；请用 `pratique area list` 查看，用 `pratique area add` 添加",
)
