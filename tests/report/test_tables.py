"""The result table as people see it: nothing cut on a terminal of 80 columns."""

import io

from rich.console import Console

from distill.report.page import Table
from distill.report.tables import markdown_table, print_table

TABLE = Table(
    ["model", "parameters", "test accuracy", "test errors", "seeds"],
    [
        ["teacher", "2,395,210", "99.33 ± 0.10 %", "67.0 ± 9.7", "3"],
        ["student from labels", "1,276,810", "98.12 ± 0.48 %", "188.3 ± 47.7", "3"],
        ["student a|b", "1,276,810", "99.26 %", "74", "1"],
    ],
    caption="title",
    notes="A note.",
    strong=[1],
)


def test_markdown():
    assert markdown_table(TABLE) == (
        "title\n\n"
        "| model | parameters | test accuracy | test errors | seeds |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| teacher | 2,395,210 | 99.33 ± 0.10 % | 67.0 ± 9.7 | 3 |\n"
        "| **student from labels** | **1,276,810** | **98.12 ± 0.48 %** | **188.3 ± 47.7** "
        "| **3** |\n| student a\\|b | 1,276,810 | 99.26 % | 74 | 1 |\n"
        "\nA note.\n"
    )


def test_terminal_of_80_columns():
    file = io.StringIO()
    print_table(TABLE, Console(file=file, width=80))
    text = file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for cell in (cell for row in TABLE.rows for cell in row):
        assert cell in text
