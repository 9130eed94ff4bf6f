"""Make one self-contained page from a template.

Autoescape is on and an unknown name in a template is an error. Everything from a
target or a source is text; only an address that begins with http or https becomes a
link. Numbers and sentences are made here or in the views, never in a template.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from reliant.report import _text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from reliant.core.verdict import Verdict


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (only a page needs it)

    made = Environment(
        loader=PackageLoader("reliant.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    made.filters |= {
        "percent": _text.percent,
        "plural": _text.plural,
        "number": _text.number,
        "size": _text.size,
        "clean": _text.clean,
        "breakable": breakable,
        "prose": prose,
        "listed": lambda names, at_most: _text.listed(names, at_most=at_most),
    }
    made.globals |= {"badge": badge, "cite": cite, "web_link": web_link}
    return made


def _harmless(value: object) -> object:
    """Return what a template puts into a page: text without codes that control or turn it."""
    return _text.clean(value) if type(value) is str else value


def page(template: str, **values: Any) -> str:
    """Return the page that `templates/<template>` makes of `values`."""
    return _environment().get_template(template).render(**values)


def badge(verdict: Verdict | str) -> Markup:
    """Return a verdict, or a state such as `stops`, as a word with its mark."""
    word = str(verdict)
    return Markup('<span class="v v-{}">{}</span>').format(word.lower(), word)


def cite(numbers: Sequence[int], at_most: int | None = None) -> Markup:
    """Return links to numbered sources, `[1] [4]`, and how many more there are: `+3`."""
    shown = numbers[:at_most]
    links = [Markup('<a class="cite" href="#source-{0}">[{0}]</a>').format(one) for one in shown]
    more = len(numbers) - len(shown)
    return Markup(" ").join([*links, Markup('<span class="soft">+{}</span>').format(more)] if more else links)


def web_link(url: str | None, text: str) -> Markup:
    """Return `text`, linked if `url` is an http or https address."""
    if url and url.startswith(("https://", "http://")):
        return Markup('<a href="{}">{}</a>').format(url, text)
    return escape(text)


def breakable(text: str) -> Markup:
    """Return a path or an id that may break after each of its separators."""
    parts = str(escape(_text.clean(text)))
    for mark in ("/", ".", "_", "-", ":"):
        # After escaping, "&amp;" and its like hold none of these marks.
        parts = parts.replace(mark, f"{mark}<wbr>")
    if any(len(piece) > _PIECE for piece in re.split(r"<wbr>|\s", parts)):
        parts = f'<span class="long">{parts}</span>'
    return Markup(parts)  # noqa: S704  (escaped above)


_PIECE = 20
_LONG = re.compile(rf"\S{{{_PIECE + 1},}}")


def _split(text: str) -> str:
    """Return escaped text whose longest words may break anywhere, so that no table is wider for one."""
    parts, end = [], 0
    for word in _LONG.finditer(text):
        parts += [str(escape(text[end : word.start()])), f'<span class="long">{escape(word[0])}</span>']
        end = word.end()
    return "".join((*parts, str(escape(text[end:]))))


_TOGETHER = re.compile(r"\d{4}-\d{2}(?:-\d{2})?|(?:under |over )?\d+ %")


def prose(text: str) -> Markup:
    """Return a sentence whose dates and percentages stay on one line, and whose longest words need not."""
    kept = _TOGETHER.sub(lambda found: f'<span class="nb">{found[0]}</span>', _split(_text.clean(text)))
    return Markup(kept)  # noqa: S704  (escaped above)
