"""A figure as SVG that stands inside the page: the page's colours, ids of its own, text that is text."""

from __future__ import annotations

import io
import re
from typing import Final
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from ffsearch.reports.style import COLOURS

__all__ = ["inline"]

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_HREF: Final = f"{{{_XLINK}}}href"
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}(?![\d.]*e)")
_FONT_FAMILY: Final = re.compile(r"\s*font-family:[^;]*;?")
_REFERENCE: Final = re.compile(r"url\(#")
_HEX: Final = re.compile("|".join(COLOURS))


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
    for element in root.iter():
        _adapt(element, name)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": label})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drawn(figure: Figure, name: str) -> bytes:
    """The figure as matplotlib writes it: ids depend on the drawing alone (hashsalt), text stays text (fonttype)."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


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
