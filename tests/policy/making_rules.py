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
WILD = st.one_of(
    expressions(PATHS, 3), expressions(PATHS, 2), operations(st.one_of(REDUCTIONS, LAMBDAS), PATHS)
)

# What rules really look like: operands mostly of the right type, on data that mostly has it.
GOOD_DATES = st.sampled_from(
    [
        *("2021", "2020-02", "2020-02-29", "2021-01-31", "2021-06-01", "1999-12-31", "2021-06-01T00:00:00Z"),
        *(
            "2021-06-01T23:59:59.999-1130",
            "2021-05-31T24:00:00",
            "2021-06-01T02:00:00+2",
            "2020-12-31T23:59:59+14:00",
        ),
    ]
)
SOUND_DATA = st.fixed_dictionaries(
    {},
    optional={
        "n": st.one_of(st.integers(-3, 3), st.sampled_from([1.0, None, 0.5])),
        "m": st.integers(-3, 3),
        "x": st.one_of(GOOD_DATES, TEXTS),
        "y": GOOD_DATES,
        "t": st.one_of(st.sampled_from(["a", "b", ""]), st.none()),
        "l": st.lists(st.one_of(TEXTS, st.integers(-1, 1), st.none()), max_size=3),
        "v": st.lists(
            st.fixed_dictionaries({"dn": st.integers(0, 3)}, optional={"mp": st.sampled_from("ab")}),
            max_size=2,
        ),
    },
)


def _read(*paths: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(paths).map(lambda path: {"var": path})


_WHOLE = st.one_of(st.integers(-3, 3), _read("n", "m", "v.0.dn", "v.1.dn"))
_SUMS = st.one_of(_WHOLE, st.tuples(_WHOLE, _WHOLE).map(lambda two: {"+": list(two)}))
_WORDS = st.one_of(
    st.sampled_from(["a", "b", ""]), _read("t", "v.0.mp", "l.0"), st.none().map(lambda _: {"var": "none"})
)
_WHEN = st.one_of(
    st.tuples(st.one_of(_read("x", "y"), GOOD_DATES), AMOUNTS, UNITS).map(
        lambda parts: {"plusTime": list(parts)}
    ),
    st.one_of(_read("y"), st.sampled_from(["2004", "2004-02", "2003-07-31"])).map(
        lambda one: {"dccDateOfBirth": [one]}
    ),
)


def _compared(names: str, operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(operands, min_size=2, max_size=3)
    return st.tuples(st.sampled_from(names.split()), several).map(lambda parts: {parts[0]: parts[1]})


_JUDGED = st.one_of(
    _compared("< > <= >=", _SUMS),
    _compared("after before not-after not-before", _WHEN),
    _compared("after before not-after not-before", _WHEN),
    st.tuples(st.one_of(_WORDS, _WHOLE), st.one_of(_WORDS, _WHOLE)).map(lambda two: {"===": list(two)}),
    st.tuples(
        _WORDS,
        st.one_of(
            st.lists(st.sampled_from(["a", "b"]), max_size=3), _read("l"), st.lists(_WORDS, max_size=2)
        ),
    ).map(lambda two: {"in": list(two)}),
    _read("t", "x", "v.0", "l", "none"),
)
_COUNTED = st.sampled_from(["current", "current.dn"]).map(
    lambda path: {"reduce": [{"var": "v"}, {"+": [{"var": "accumulator"}, {"if": [{"var": path}, 1, 0]}]}, 0]}
)
_FRAGMENTS = st.tuples(_read("x", "t"), st.integers(-1, 3)).map(
    lambda parts: {"extractFromUVCI": list(parts)}
)
SOUND = st.recursive(
    st.one_of(_JUDGED, _JUDGED, _COUNTED, _FRAGMENTS),
    lambda inner: st.one_of(
        st.tuples(inner, inner, st.one_of(inner, st.booleans())).map(lambda three: {"if": list(three)}),
        st.lists(inner, min_size=2, max_size=4).map(lambda several: {"and": several}),
        inner.map(lambda one: {"!": [one]}),
    ),
    max_leaves=6,
)
PAIRS = st.one_of(st.tuples(WILD, DATA), st.tuples(SOUND, SOUND_DATA), st.tuples(SOUND, SOUND_DATA))
TABLES = st.one_of(
    st.tuples(WILD, st.lists(DATA, min_size=1, max_size=5)),
    *[st.tuples(SOUND, st.lists(SOUND_DATA, min_size=1, max_size=12))] * 2,
)
EXPRESSIONS = st.one_of(WILD, SOUND)
