"""A figure as SVG that stands inside the page: the page's colours, ids of its own, text that is text.

Marks can tell what they are: `tell` notes it at the drawing, and the page shows a tip as a title (which browsers show
without script) and finds all marks of a trial.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ffsearch.reports.style import COLOURS

__all__ = ["inline", "tell"]

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_HREF: Final = f"{{{_XLINK}}}href"
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}(?![\d.]*e)")
_FONT_FAMILY: Final = re.compile(r"\s*font-family:[^;]*;?")
_REFERENCE: Final = re.compile(r"url\(#")
_MARKS: Final = (f"{{{_SVG}}}use", f"{{{_SVG}}}path")
_HEX: Final = re.compile("|".join(COLOURS))


def tell(artist: Artist, tips: Sequence[str] = (), *, trials: Sequence[int] = ()) -> None:
    """Note what an artist's marks are, in the order they were given in; all of them must be drawn (no NaN).

    Args:
        artist: A scatter, or a line, which is one mark.
        tips: A text for each mark.
        trials: The trial of each mark.
    """
    told = {"tips": list(tips), "trials": [int(trial) for trial in trials]}
    artist.set_gid(json.dumps(told))  # the only thing of an artist that comes through to its SVG


def inline(figure: Figure, *, name: str, label: str) -> Markup:
    """The figure as an `<svg>` element.

    Args:
        figure: The figure.
        name: Unique in the page; every id begins with it, and ids depend on nothing else.
        label: What a person who does not see the figure is told.

    Returns:
        Markup without scripts, styles of its own, or anything to be fetched. The same figure gives the same text.
    """
    for prefix, uri in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.fromstring(_drawn(figure, name))
    for tag in ("metadata", "defs"):
        for child in root.findall(f"{{{_SVG}}}{tag}"):
            if tag == "metadata" or child.find(f"{{{_SVG}}}style") is not None:
                root.remove(child)
    for element in list(root.iter()):
        _explain(element)
    for element in root.iter():
        _adapt(element, name)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": label})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drawn(figure: Figure, name: str) -> bytes:
    """The figure as matplotlib writes it: ids depend on the drawing alone (hashsalt), text stays text (fonttype)."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser's fonts are what counts
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def _explain(element: ElementTree.Element) -> None:
    """What `tell` noted at a group, put on its marks."""
    if not element.attrib.get("id", "").startswith("{"):
        return
    told = json.loads(element.attrib.pop("id"))
    marks = list(_marks(element))
    for mark, trial in zip(marks, told["trials"], strict=False):
        mark.attrib["data-trial"] = str(trial)
    for mark, tip in zip(marks, told["tips"], strict=False):
        ElementTree.SubElement(mark, f"{{{_SVG}}}title").text = tip


def _marks(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """What is drawn in a group, definitions aside."""
    for child in element:
        if child.tag in _MARKS:
            yield child
        elif not child.tag.endswith("defs"):
            yield from _marks(child)


def _adapt(element: ElementTree.Element, name: str) -> None:
    """One element: own ids, the page's colours and font, and no more digits than a screen shows."""
    attributes = element.attrib
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if _HREF in attributes:
        attributes["href"] = f"#{name}-{attributes.pop(_HREF).removeprefix('#')}"
    for key in ("clip-path", "style"):
        if key in attributes:
            attributes[key] = _REFERENCE.sub(f"url(#{name}-", attributes[key])
    if "style" in attributes:
        style = _FONT_FAMILY.sub("", attributes["style"])
        attributes["style"] = _HEX.sub(lambda match: f"var({COLOURS[match[0]]})", style)
    for key in ("d", "x", "y", "transform"):
        if key in attributes:
            short = _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.1f}", attributes[key])
            attributes[key] = " ".join(short.split())
    if element.text is not None and not element.text.strip():
        element.text = None
    if element.tail is not None:
        element.tail = None
