"""The result table, on the terminal and as Markdown."""

import dataclasses
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from distill.report.numbers import percent, plain


@dataclasses.dataclass(frozen=True)
class Row:
    """One model of the table: its size, and one test accuracy and error count for each seed."""

    title: str
    parameters: int
    accuracies: Sequence[float]
    errors: Sequence[int]

    def cells(self) -> list[str]:
        """Returns the row's texts, in the order of `HEADINGS`."""
        return [
            self.title,
            f"{self.parameters:,}",
            percent(self.accuracies),
            plain(self.errors),
            str(len(self.accuracies)),
        ]


HEADINGS = ("model", "parameters", "test accuracy", "test errors", "seeds")


def print_table(rows: Sequence[Row], title: str, console: Console) -> None:
    """Prints the rows as a table."""
    table = Table(title=title, title_justify="left", title_style="")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)


def markdown_table(rows: Sequence[Row], title: str) -> str:
    """Returns the rows as a Markdown table under its title."""
    lines = [HEADINGS, ("---", *("---:" for _ in HEADINGS[1:])), *(row.cells() for row in rows)]
    return "\n".join([title, "", *(f"| {' | '.join(line)} |" for line in lines), ""])
