"""The result table as people see it: nothing cut on a terminal of 80 columns."""

import io

from rich.console import Console

from distill.report.tables import Row, markdown_table, print_table

ROWS = [
    Row("teacher", 2_395_210, [0.9933, 0.9921, 0.9940], [67, 79, 60]),
    Row("student from labels", 1_276_810, [0.9854, 0.9760, 0.9821], [146, 240, 179]),
    Row("student distilled", 1_276_810, [0.9926], [74]),
]


def test_markdown():
    assert markdown_table(ROWS[1:], "title") == (
        "title\n\n"
        "| model | parameters | test accuracy | test errors | seeds |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| student from labels | 1,276,810 | 98.12 ± 0.48 % | 188.3 ± 47.7 | 3 |\n"
        "| student distilled | 1,276,810 | 99.26 % | 74 | 1 |\n"
    )


def test_terminal_of_80_columns():
    file = io.StringIO()
    print_table(ROWS, "title", Console(file=file, width=80))
    text = file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for cell in (cell for row in ROWS for cell in row.cells()):
        assert cell in text
