"""Tables on the terminal and as Markdown."""

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from distill.report.page import Table


def print_table(table: Table, console: Console) -> None:
    """Prints a table; the first column is left-aligned, rows that stand out are bold."""
    shown = RichTable(
        title=table.caption, title_justify="left", title_style="", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip
    for number, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if number else "left", no_wrap=number == 0)
    for number, row in enumerate(table.rows):
        shown.add_row(*row, style="bold" if number in table.strong else None)
    console.print(shown)
    if table.notes:
        console.print(table.notes, highlight=False)


def markdown_table(table: Table) -> str:
    """Returns a table as Markdown under its caption."""
    rows = [
        [f"**{cell}**" for cell in row] if number in table.strong else row
        for number, row in enumerate(table.rows)
    ]
    lines = [table.headings, ["---", *["---:"] * (len(table.headings) - 1)], *rows]
    lines = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
    text = [table.caption, "", *(f"| {line} |" for line in lines), ""]
    return "\n".join([*text, *([table.notes, ""] if table.notes else [])])
