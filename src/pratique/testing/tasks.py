"""What the laboratory desk is asked to look at, in words, and saying that it was done.

Some tasks end only by the act they ask for (a held run is reviewed, a conflict decided); the others by a person who
says that they have looked.
"""

from pratique.core.errors import NotAllowed
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import store
from pratique.testing.balance import WORDS as BALANCE
from pratique.testing.campaigns import nothing
from pratique.testing.held import HELD_BECAUSE

_BY_LOOKING = {
    "names": Text(
        "a laboratory sent what looks like a name; it was dropped", "检测机构发送了疑似姓名，已丢弃"
    ),
    "not-in-custody": Text(
        "a laboratory reported a tube that another one holds", "检测机构报告了由他方持有的采样管"
    ),
    "no-positive-found": Text(
        "a pool was not negative and all its singles are", "混管非阴性而所有单管均为阴性"
    ),
    "lost": Text(
        "a tube was lost; its people were asked for another sample", "采样管遗失，已请相关人员重新采样"
    ),
    "box-count": Text("a box holds another number of tubes than were put in", "箱内管数与装箱数不符"),
    **{f"balance-{kind}": text for kind, text in BALANCE.items()},
}
_BY_ACTING = {
    "run-held": Text("a run waits for a second person", "批次待第二人审核"),
    "conflict": Text("two devices registered this tube", "两台设备登记了同一采样管"),
    **HELD_BECAUSE,
}


def task_words(kind: str) -> Text:
    """What a task asks for."""
    return _BY_LOOKING.get(kind) or _BY_ACTING.get(kind) or Text(kind, kind)


def is_closable(kind: str) -> bool:
    """True if looking is all that is asked."""
    return kind in _BY_LOOKING


def close_task(tx: Tx, moment: Moment, task_id: str, by: str) -> None:
    """Somebody has looked. Raises NotFound, NotAllowed for what ends by an act."""
    found = [row for row in store.tasks(tx) if row[0] == task_id]
    if not found:
        raise nothing("task")
    _, kind, about, _, _ = found[0]
    if not is_closable(kind):
        raise NotAllowed(
            "ACT_FIRST", "task", Text("this ends by what it asks for: review or decide", "请先完成审核或判定")
        )
    store.close_task(tx, kind, about, by, moment.now_ms)
