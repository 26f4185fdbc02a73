"""What a device signs is RFC 8785 whatever stands in its fields: the fast writer and the strict one agree."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.testing.model import Member, TubeEvent
from pratique.testing.sealed import event_bytes

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**53), 2**53)


@settings(deadline=None)
@given(
    st.builds(
        TubeEvent,
        texts,
        texts,
        texts,
        numbers,
        texts,
        numbers,
        texts,
        texts,
        texts,
        st.lists(st.builds(Member, texts, numbers, texts), max_size=4),
        texts,
    )
)
def test_it_works(event: TubeEvent) -> None:
    plain = {name: getattr(event, name) for name in event.__struct_fields__ if name != "sig"}

    assert event_bytes(event) == canonical_json(plain)
