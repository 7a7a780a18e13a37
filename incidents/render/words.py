"""Looks up what to say in the reader's language. The phrases are in words_en.py and words_zh.py, one key a line."""

from __future__ import annotations

from collections.abc import Mapping

from incidents.render.words_en import ENGLISH
from incidents.render.words_zh import CHINESE

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh-CN": CHINESE}
LANGUAGES = tuple(CATALOGUES)


class Words:
    """Phrases of one language. Values are filled in as they are: only phrases, which are ours, are format strings."""

    def __init__(self, language: str) -> None:
        # An unknown language must not cost the message: English is understood wherever nginx is run.
        self.language = "zh-CN" if language.lower().startswith("zh") else "en"
        self._phrases = CATALOGUES[self.language]

    def __call__(self, key: str, **values: object) -> str:
        """A phrase. With `n` = 1 the phrase `key.one` is taken where the language has one."""
        if values.get("n") == 1:
            key = f"{key}.one" if f"{key}.one" in self._phrases else key
        return self._phrases[key].format_map(values)

    def maybe(self, key: str, fallback: str) -> str:
        """A phrase without values that may not exist, such as that of a status nobody named."""
        return self._phrases.get(key, fallback)

    def listed(self, items: list[str] | tuple[str, ...], most: int) -> str:
        """a, b, c and 4 more"""
        text = self._phrases["list.comma"].join(items[:most])
        if len(items) > most:
            text = self("list.more", items=text, n=len(items) - most)
        return text
