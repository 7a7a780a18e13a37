"""Reads the documentation as a newcomer would use it: its code blocks, commands, links and tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
GUIDES = tuple(sorted(path.name for path in (ROOT / "docs").glob("guide*.md")))

_FENCE = re.compile(r"^(?P<mark>```+)(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `where` names it in a failure."""

    where: str
    language: str
    text: str


class Command(NamedTuple):
    """A command line that a page shows. whole: in a block, ready to be typed; else a mention in running text."""

    where: str
    words: tuple[str, ...]
    whole: bool


def pages() -> list[Path]:
    """Every page of documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page in these languages, or all."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if not languages or match["language"] in languages:
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(f"{name_of(page)}:{line}", match["language"], match["text"]))
    return found


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def spans(page: Path) -> list[str]:
    """What stands in single backticks; one that is broken over two lines is one."""
    return [" ".join(span.split()) for span in _SPAN.findall(prose(page))]


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What headings are called in links, as GitHub makes it."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(prose(page))}


def typed_lines(page: Path) -> Iterator[tuple[str, str]]:
    """(where, line) of what is to be typed: in `sh` blocks every line, in `console` blocks those behind a prompt."""
    for block in blocks(page, "sh", "console"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if block.language == "sh":
                yield block.where, line
            elif line.startswith("$ "):
                yield block.where, line[2:]


def commands(page: Path) -> list[Command]:
    """Every `tocsin ...` that a page shows."""
    found = []
    for where, line in typed_lines(page):
        words = _words(line)
        if words[:1] == ["tocsin"]:
            found.append(Command(where, tuple(words[1:]), True))
    mentions = (span for span in spans(page) if span.startswith("tocsin ") and "..." not in span)
    found += [Command(f"{name_of(page)}: {span}", tuple(_words(span)[1:]), False) for span in mentions]
    return found


def _words(line: str) -> list[str]:
    """As a shell splits it, up to a pipe or a redirection."""
    words = shlex.split(line, comments=True)
    ends = [index for index, word in enumerate(words) if word in ("|", ">", "2>", "&&", ";")]
    return words[: ends[0]] if ends else words


def table(page: Path, first_cell: str) -> list[list[str]]:
    """The rows of the table whose heading begins with this cell; cells without the spaces around them."""
    rows: list[list[str]] = []
    inside = False
    for line in prose(page).splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if inside:
                rows.append(cells)
            inside = inside or cells[0] == first_cell
        elif inside:
            break
    return rows[1:]  # the first is the dashes


def bare(cell: str) -> str:
    """A cell without backticks."""
    return cell.replace("`", "")
