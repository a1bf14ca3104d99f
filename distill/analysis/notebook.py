"""Shows parts of a report in a notebook: tables and texts as Markdown, figures as PNG."""

import io
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from distill.analysis.figures import images
from distill.analysis.page.parts import Code, Gallery, Picture, Section, Table

_DPI = 110


def show(*parts: Section | Table | Picture | Gallery | Code | Figure | str) -> None:
    """Shows sections of a report, their items, figures and texts in Markdown, one after another."""
    from IPython.display import Image, Markdown, display  # only notebooks have it

    for part in parts:
        if isinstance(part, Section):
            show(f"### {part.title}", *([part.text] if part.text else []), *part.items)
        elif isinstance(part, Picture):
            alt = part.alt.replace("[", "(").replace("]", ")")
            display(Image(png(part.figure), alt=alt))
            show(*([part.caption] if part.caption else []))
        elif isinstance(part, Gallery):
            show(part.caption, *([images.image_grid(part.images)] if part.images else []))
        elif isinstance(part, Figure):
            display(Image(png(part)))
        elif isinstance(part, Table):
            display(Markdown(part.markdown()))
        elif isinstance(part, Code):
            display(Markdown(f"{part.caption}\n\n```\n{part.text}\n```"))
        else:
            display(Markdown(part))


def show_with_slider(draw: Callable[[float], Figure], values: Sequence[float], name: str) -> None:
    """Shows a figure with a slider of that name over its values; it starts in the middle.

    Without widgets, and on pages that keep only a notebook's output, there is only the figure.
    """
    start = values[len(values) // 2]
    drawn = draw(start)
    try:
        import ipywidgets as widgets
        from IPython.display import display
    except ImportError:
        show(drawn)
        return
    still = png(drawn)
    options = [(f"{value:g}", value) for value in values]
    slider = widgets.SelectionSlider(options=options, value=start, description=name)
    image = widgets.Image(value=still, format="png")

    def redraw(change):
        image.value = png(draw(change["new"]))

    slider.observe(redraw, names="value")
    box = widgets.VBox([slider, image])
    # A viewer without widgets takes the picture.
    display({**box._repr_mimebundle_(), "image/png": still}, raw=True)


def png(figure: Figure) -> bytes:
    """Returns a figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()
