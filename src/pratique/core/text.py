"""A text in both languages of the house. There is no text in one language only."""

import msgspec

LANGUAGES = ("zh-Hans", "en")


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`{"en": …, "zh-Hans": …}` on the wire; both are required."""

    en: str
    zh_hans: str = msgspec.field(name="zh-Hans")

    def of(self, language: str) -> str:
        """The text in `zh-Hans` or `en`; anything else is English."""
        return self.zh_hans if language == "zh-Hans" else self.en

    def fill(self, **values: object) -> "Text":
        """The same text with `{name}` places filled in, in both languages."""
        return Text(self.en.format(**values), self.zh_hans.format(**values))
