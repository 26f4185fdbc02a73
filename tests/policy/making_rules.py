"""Random expressions and data: well-formed, ill-formed, and everything a payload can hold."""

from typing import Any

from hypothesis import strategies as st

TEXTS = st.sampled_from(
    [
        *(
            "",
            "a",
            "b",
            "1",
            "URN:UVCI:01:NL:187/3#7",
            "01::x",
            "2021",
            "2021-02",
            "2021-02-28",
            "2020-02-29",
        ),
        *(
            "2021-02-30",
            "2021-13-01",
            "2021-06-01T12:00:00Z",
            "2021-06-01T24:00:00",
            "2021-06-01T23:59:59.9999+0530",
        ),
        *("2021-06-01T12:00Z", "2021-06-01T12:00:60Z", "0000-01-01", "9999-12-31T23:59:59-23:59", "x.y"),
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.0, 2**53, 2**53 - 1, -(2**53) + 1, 10**30, 1e300])
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abx01"), inner, max_size=3)
    ),
    max_leaves=6,
)
DATA = st.one_of(
    VALUES, st.fixed_dictionaries({}, optional=dict.fromkeys("abcd", VALUES) | dict.fromkeys("xyz", TEXTS))
)
PATHS = st.sampled_from(
    ["", "a", "b", "c", "d", "x", "y", "z", "a.b", "a.0", "b.1", "a.01", "a.length", "x.0", "c.a.b"]
)
INNER_PATHS = st.sampled_from(["current", "accumulator", "current.a", "current.0", "accumulator.b", "x", ""])
UNITS = st.sampled_from(["year", "month", "day", "hour"])
AMOUNTS = st.one_of(st.integers(-40, 40), st.sampled_from([1.0, 10**18, -(10**30), 400, -18]))
BROKEN = st.sampled_from(
    [
        None,
        {},
        1.5,
        {"a": 1, "b": 2},
        {"or": [True, False]},
        {"var": 0},
        {"if": [True, 1]},
        {"and": []},
        {"!": 3},
    ]
)


def operations(inner: st.SearchStrategy[Any], paths: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """One operation over expressions of `inner`."""

    def of(name: str, least: int, most: int) -> st.SearchStrategy[Any]:
        return st.lists(inner, min_size=least, max_size=most).map(lambda operands: {name: operands})

    dates = st.tuples(st.one_of(paths.map(lambda path: {"var": path}), TEXTS, inner), AMOUNTS, UNITS).map(
        lambda parts: {"plusTime": list(parts)}
    )
    births = st.one_of(paths.map(lambda path: {"var": path}), TEXTS).map(
        lambda one: {"dccDateOfBirth": [one]}
    )
    compared = st.tuples(
        st.sampled_from(["after", "before", "not-after", "not-before"]),
        st.lists(st.one_of(dates, dates, births, inner), min_size=2, max_size=3),
    ).map(lambda parts: {parts[0]: parts[1]})
    several = [of(name, 2, 3) for name in ("<", ">", "<=", ">=")] + [
        of(name, 2, 2) for name in ("===", "in", "+")
    ]
    extracted = st.tuples(inner, st.integers(-1, 5)).map(lambda parts: {"extractFromUVCI": list(parts)})
    return st.one_of(
        of("if", 3, 3), of("and", 2, 4), of("!", 1, 1), compared, compared, dates, births, extracted, *several
    )


def expressions(paths: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[Any]:
    """Expressions of at most this many operations in depth; one in some has a broken part."""
    leaves = st.one_of(
        paths.map(lambda path: {"var": path}),
        st.booleans(),
        st.integers(-3, 3),
        TEXTS,
        st.lists(TEXTS, max_size=3),
        BROKEN,
    )
    for _ in range(depth):
        deeper = operations(leaves, paths)
        leaves = st.one_of(leaves, deeper, st.lists(deeper, max_size=2))
    return leaves


LAMBDAS = expressions(INNER_PATHS, 1)
REDUCTIONS = st.tuples(expressions(PATHS, 1), LAMBDAS, expressions(PATHS, 1)).map(
    lambda parts: {"reduce": list(parts)}
)
EXPRESSIONS = st.one_of(
    expressions(PATHS, 3), expressions(PATHS, 2), operations(st.one_of(REDUCTIONS, LAMBDAS), PATHS)
)
