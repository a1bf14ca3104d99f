"""The parts of a report: tables, pictures, sections; tables also for terminal, Markdown and CSV."""

import csv
import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from distill.errors import UserError


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts; the first column is left-aligned, the others are right-aligned."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    notes: str = ""
    bold: Sequence[int] = ()  # numbers of rows
    folded: bool = False  # the page opens it only when its caption is clicked

    def print(self, console: Console) -> None:
        """Prints the table on a terminal."""
        table = RichTable(
            title=self.caption,
            title_justify="left",
            title_style="",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for number, heading in enumerate(self.headings):
            justify = "right" if number else "left"
            table.add_column(heading, justify=justify, no_wrap=number == 0, overflow="fold")
        for number, row in enumerate(self.rows):
            table.add_row(*row, style="bold" if number in self.bold else None)
        console.print(table)
        if self.notes:
            console.print(self.notes, highlight=False)

    def markdown(self) -> str:
        """Returns the table as Markdown, below its caption and above its notes."""
        rows = [
            [f"**{text}**" for text in row] if number in self.bold else row
            for number, row in enumerate(self.rows)
        ]
        lines = [self.headings, ["---", *["---:"] * (len(self.headings) - 1)], *rows]
        lines = [" | ".join(text.replace("|", "\\|") for text in line) for line in lines]
        text = [self.caption, "", *(f"| {line} |" for line in lines), ""]
        return "\n".join([*text, *([self.notes, ""] if self.notes else [])])

    def csv(self) -> str:
        """Returns headings and rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.headings, *self.rows])
        return text.getvalue()


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure; `alt` describes it in words, for readers who do not see it."""

    figure: Figure
    alt: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Small images, uint8 `(height, width, channels)`, each with its caption."""

    images: Sequence[tuple[np.ndarray, str]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Code:
    """Text to be copied, such as a command."""

    text: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading, a text, and the parts below it."""

    title: str
    text: str = ""
    items: Sequence[Table | Picture | Gallery | Code] = ()


@dataclasses.dataclass(frozen=True)
class Page:
    """A report: the main finding in one sentence, further sentences, and the sections."""

    title: str
    sentence: str
    more: Sequence[str]
    sections: Sequence[Section]

    def section(self, title: str) -> Section:
        """Returns the section with that heading, or raises a `UserError` that lists them all."""
        for section in self.sections:
            if section.title == title:
                return section
        known = "; ".join(section.title for section in self.sections)
        raise UserError(f"The report has no section {title!r}; it has: {known}.")
