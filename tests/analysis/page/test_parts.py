"""The result table as people see it: nothing cut on a terminal of 80 columns."""

import io

from rich.console import Console

from distill.analysis.page.parts import Table

TABLE = Table(
    ["model", "parameters", "test accuracy", "test errors", "seeds"],
    [
        ["teacher", "2,395,210", "99.33 ± 0.10 %", "67.0 ± 9.7", "3"],
        ["student by itself", "1,276,810", "98.12 ± 0.48 %", "188.3 ± 47.7", "3"],
        ["student a|b", "1,276,810", "99.26 %", "74", "1"],
    ],
    caption="title",
    notes="A note.",
    bold=[1],
)


def test_markdown():
    assert TABLE.markdown() == (
        "title\n\n"
        "| model | parameters | test accuracy | test errors | seeds |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| teacher | 2,395,210 | 99.33 ± 0.10 % | 67.0 ± 9.7 | 3 |\n"
        "| **student by itself** | **1,276,810** | **98.12 ± 0.48 %** | **188.3 ± 47.7** "
        "| **3** |\n| student a\\|b | 1,276,810 | 99.26 % | 74 | 1 |\n"
        "\nA note.\n"
    )


def test_terminal_of_80_columns():
    file = io.StringIO()
    TABLE.print(Console(file=file, width=80))
    text = file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for each in (text for row in TABLE.rows for text in row):
        assert each in text


def test_csv():
    assert TABLE.csv().splitlines()[1] == 'teacher,"2,395,210",99.33 ± 0.10 %,67.0 ± 9.7,3'
