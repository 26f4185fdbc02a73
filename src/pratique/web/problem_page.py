"""A refusal for somebody who sits at a page: the same sentence as the problem details, with a way back."""

from html import escape

from pratique.core.text import Text
from pratique.web.frame import Answer
from pratique.web.problems import Problem

TITLES = {
    404: Text("Nothing here for you", "此处没有与您有关的内容"),
    429: Text("One moment, please", "请稍候"),
    500: Text("A fault of ours", "系统故障"),
    503: Text("One moment, please", "请稍候"),
}
NOT_DONE = Text("Not done", "未能完成")
NOT_HERE = Text(
    "It has ended, was moved, or belongs to another role.", "它可能已结束、已移动，或属于其他角色。"
)
BACK = Text("Back", "返回")
STILL_THERE = Text(
    "Go back in the browser: what you entered is still there.", "请用浏览器返回，您填写的内容仍在。"
)
FLAG = (
    '<svg class="flag" viewBox="0 0 32 32" aria-hidden="true"><path d="M8 3.5v25.5" stroke="var(--ink)" '
    'stroke-width="3" stroke-linecap="round"/><path d="M9.5 5h18v14.5h-18z" fill="var(--flag)"/></svg>'
)


def as_page(answer: Answer, language: str, method: str, back: str) -> Answer:
    """`answer` must carry a `Problem`. `back` is an address of ours, for whoever came by a link."""
    problem = answer.body
    if not isinstance(problem, Problem):
        return answer
    title = escape(TITLES.get(problem.status, NOT_DONE).of(language))
    texts = NOT_HERE if problem.status == 404 else problem.texts
    said = texts.of(language) if texts else problem.detail
    way = (
        f"<p>{escape(STILL_THERE.of(language))}</p>"
        if method != "GET"
        else f'<p><a class="button" href="{escape(back)}">{escape(BACK.of(language))}</a></p>'
    )
    body = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} · Pratique</title><link rel="stylesheet" href="/static/shared/base.css"></head>'
        f'<body class="shell"><header class="bar"><a class="brand" href="/">{FLAG} Pratique</a></header>'
        f'<main id="main" class="page"><section class="card stack"><h1>{title}</h1>'
        f'<p class="lead" role="alert">{escape(said)}</p>{way}</section></main></body></html>'
    )
    return Answer(body, answer.status, answer.headers, "text/html")
