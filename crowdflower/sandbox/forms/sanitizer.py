"""HTML sanitizer: keeps text, formatting, links, images and media; removes everything active."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

import nh3

TAGS: Final = frozenset(
    [
        *("a", "abbr", "acronym", "address", "article", "aside", "audio", "b", "bdi", "bdo", "big"),
        *("blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "data", "dd"),
        *("del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font"),
        *("footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd"),
        *("li", "mark", "nav", "ol", "p", "picture", "pre", "q", "rp", "rt", "ruby", "s", "samp"),
        *("section", "small", "source", "span", "strike", "strong", "sub", "summary", "sup"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "track", "tt", "u", "ul"),
        *("var", "video", "wbr"),
    ]
)
"""Elements that are kept."""

ACTIVE_TAGS: Final = frozenset(
    [
        *("applet", "base", "basefont", "body", "button", "canvas", "datalist", "dialog", "embed"),
        *("fieldset", "form", "frame", "frameset", "head", "html", "iframe", "input", "label"),
        *("legend", "link", "main", "map", "area", "marquee", "math", "menu", "meta", "meter"),
        *("noembed", "noframes", "noscript", "object", "optgroup", "option", "output", "param"),
        *("plaintext", "progress", "script", "select", "slot", "style", "svg", "template"),
        *("textarea", "title", "xmp"),
    ]
)
"""Other elements of HTML, which are removed. In a row, any other tag is text: ``<a@b.org>``."""

URL_ATTRIBUTES: Final = frozenset({"href", "poster", "src", "srcset"})

_SIZE: Final = {"height", "width"}
_CELL: Final = {"align", "bgcolor", "colspan", "rowspan", "valign", *_SIZE}
_MEDIA: Final = {"controls", "loop", "muted", "preload", "src"}
_ATTRIBUTES: Final = {
    "*": {"dir", "lang", "style", "title"},
    "a": {"href", "target"},
    "audio": _MEDIA,
    "details": {"open"},
    "div": {"align"},
    "font": {"color", "face", "size"},
    "img": {"alt", "border", "sizes", "src", "srcset", *_SIZE},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "p": {"align"},
    "source": {"media", "sizes", "src", "srcset", "type"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELL,
    "th": _CELL,
    "time": {"datetime"},
    "tr": {"align", "bgcolor", "valign"},
    "track": {"default", "kind", "label", "src", "srclang"},
    "video": {"poster", *_MEDIA, *_SIZE},
}
_SCHEMES: Final = {"http", "https", "mailto", "data"}
_URL_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_IGNORED_IN_URLS: Final = re.compile(r"[\x00-\x20]+")
_DATA: Final = re.compile(
    r"\s*data:(?:image/(?:png|jpeg|gif|webp)|(?:audio|video)/[\w.+-]+);base64,", re.IGNORECASE
)
_SRCSET_GAP: Final = re.compile(r"\s+|(?<=\d[wx]),")
_DATA_TAGS: Final = {"audio", "img", "source", "video"}
_STYLE: Final = re.compile(
    r"\s*((?:background-)?color|background|border(?:-[a-z]+)?|font-(?:family|size|style|weight)"
    r"|line-height|(?:max-)?(?:height|width)|padding(?:-[a-z]+)?"
    r"|text-(?:align|decoration|transform)|vertical-align|white-space)\s*:"
    r"((?:[\w#%.,+\s-]|\b(?:rgb|hsl)a?\([\d.,%\s/-]*\))+)",
    re.IGNORECASE,
)
"""The group takes the space before it, too: one more ``\\s*`` would make it quadratic."""

_LOOSE: Final = re.compile(
    rf"""<(?!/?(?:{"|".join(sorted(TAGS | ACTIVE_TAGS))})"""
    r"""(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*>)"""
    r"|&(?!(?:\#\d{1,7}|\#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});)",
    re.IGNORECASE,
)
_RAW_TEXT_TAGS: Final = re.compile(
    r"</?(?:iframe|noembed|noframes|noscript|plaintext|textarea|title|xmp)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
"""Tags that are removed first: one that is left open would turn all that follows into text."""

_TAG: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)|<(/?)([a-z][a-z\d]*)(?=[\s/>])((?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.IGNORECASE | re.DOTALL,
)
_UNQUOTED_END: Final = re.compile(r"=[^\s\"'=]+/\Z")
_VOID_TAGS: Final = {"br", "col", "hr", "img", "source", "track", "wbr"}
PLAYERS: Final = frozenset({"audio", "video"})
"""Elements of which a browser shows the player only, not what is inside."""

_AROUND: Final = {
    **dict.fromkeys(("tbody", "tfoot", "thead"), ("<table>", "</table>")),
    "tr": ("<table><tbody>", "</tbody></table>"),
    **dict.fromkeys(("td", "th"), ("<table><tbody><tr>", "</tr></tbody></table>")),
}
"""Without these around it, HTML ignores a part of a table."""

_TABLE_PART: Final = re.compile(rf"\s*<({'|'.join(_AROUND)})(?=[\s/>])", re.IGNORECASE)
_TAG_OR_QUOTE: Final = re.compile(r"""<(?:[^>"]|"[^"]*")*>|["']""")
_ESCAPES: Final = {"<": "&lt;", "&": "&amp;", '"': "&#34;", "'": "&#39;"}


def sanitize(html: str) -> str:
    """Remove scripts, event handlers and unsafe links from HTML.

    Audio and video get controls, because without them they cannot be played.

    >>> sanitize('<p onclick="steal()">Read <b>well</b>.<script>steal()</script></p>')
    '<p>Read <b>well</b>.</p>'
    >>> sanitize('<a href="javascript:steal()">here</a> <img src="data:text/html,x" alt="cat">')
    '<a rel="noopener noreferrer">here</a> <img alt="cat">'
    >>> sanitize('<audio src="https://example.org/7.mp3" autoplay></audio>')
    '<audio src="https://example.org/7.mp3" controls=""></audio>'

    As in CML, an element that ends with ``/>`` is empty; in HTML it would be open.

    >>> sanitize("<b/>not bold")
    '<b></b>not bold'
    """
    return _CLEANER.clean(_TAG.sub(_close_empty, _RAW_TEXT_TAGS.sub("", html)))


def _close_empty(found: re.Match[str]) -> str:
    """Add the end tag of an element that is empty, as ``<audio src="a.mp3"/>``."""
    end, name, attributes = found.groups()
    name = (name or "").lower()
    if end or name not in TAGS - _VOID_TAGS or attributes[-1:] != "/":
        return found.group()
    # The URL in <a href=https://example.org/> ends with its slash.
    if name not in PLAYERS and _UNQUOTED_END.search(attributes):
        return found.group()
    return f"<{name}{attributes[:-1]}></{name}>"


def close_players(html: str, before: str) -> str:
    """End each audio and video that is open before a character, such as that of a question.

    >>> close_players("<video><source src=a>?</video>", "?")
    '<video><source src=a></video>?</video>'
    """
    opened = ""

    def close(found: re.Match[str]) -> str:
        nonlocal opened
        text, name, was_open = found.group(), (found[2] or "").lower(), opened
        if text == before:
            opened = ""
            return (f"</{was_open}>" if was_open else "") + text
        if name in PLAYERS and not found[3].endswith("/"):
            opened = "" if found[1] else name
        return text

    return re.sub(f"{_TAG.pattern}|{re.escape(before)}", close, html, flags=_TAG.flags)


def sanitize_value(text: str) -> str:
    """Turn a value of a row, or a label, into HTML that can stand anywhere between tags.

    Tags that are open at its end are closed. A ``<`` or ``&`` that does not begin markup is text,
    and so are tags that HTML does not have, those of CML among them.

    >>> sanitize_value("<b>Paris</b> & <i>Rome<script>steal()</script> </div>")
    '<b>Paris</b> &amp; <i>Rome </i>'
    >>> sanitize_value('1 < 2, <ada@example.org>, <cml:text name="q"/>')
    '1 &lt; 2, &lt;ada@example.org&gt;, &lt;cml:text name=&#34;q&#34;/&gt;'
    """
    if "<" in text or "&" in text or ">" in text:
        last_comment_end = text.rfind("-->")

        def escape_loose(found: re.Match[str]) -> str:
            in_comment = text.startswith("<!--", found.start()) and found.start() < last_comment_end
            return found.group() if in_comment else _ESCAPES[found.group()]

        text = _sanitize_fragment(_LOOSE.sub(escape_loose, text))
    # Quotes are escaped, so that a captured value cannot end an attribute.
    return _TAG_OR_QUOTE.sub(lambda found: _ESCAPES.get(found.group(), found.group()), text)


def _sanitize_fragment(html: str) -> str:
    """Sanitize a fragment, which may be rows or cells of a table around it."""
    part = _TABLE_PART.match(html)
    if part is None or "</table" in html.lower():
        return sanitize(html)
    before, after = _AROUND[part[1].lower()]
    clean = sanitize(before + html + after)
    inner = clean.removeprefix(before).removesuffix(after)
    return inner if _is_balanced(inner) else clean


def _is_balanced(html: str) -> bool:
    """Return whether sanitized HTML closes what it opens, and nothing else.

    >>> _is_balanced("<td>a</td>"), _is_balanced("<td>a</td></tr><tr>")
    (True, False)
    """
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2] and tag[2] not in _VOID_TAGS:
            depth += -1 if tag[1] else 1
        if depth < 0:
            return False
    return depth == 0


def plain_text(markup: str) -> str:
    """Return the text of a label, for places where no markup is possible.

    >>> plain_text("Is <b>this</b> &lt; 2 & <i>that</i>?")
    'Is this < 2 & that?'
    """
    return unescape(_TEXT_CLEANER.clean(sanitize_value(markup)))


def is_safe_url(tag: str, url: str) -> bool:
    """Return whether an attribute with this URL is kept.

    >>> is_safe_url("a", "page.html"), is_safe_url("a", "JavaScript:steal()")
    (True, False)
    """
    url = _IGNORED_IN_URLS.sub("", url)
    scheme = _URL_SCHEME.match(url)
    if scheme is None:
        return True
    if scheme[1].lower() == "data":
        return tag in _DATA_TAGS and _DATA.match(url) is not None
    return scheme[1].lower() in _SCHEMES


def is_safe_attribute(tag: str, name: str, value: str) -> bool:
    """Return whether an attribute has no URL, or only URLs that are kept."""
    urls = _SRCSET_GAP.split(value) if name == "srcset" else [value]
    return name not in URL_ATTRIBUTES or all(is_safe_url(tag, url) for url in urls)


def split_style(style: str) -> tuple[list[str], list[str]]:
    """Return the declarations of a style that are kept, and the properties of the others.

    >>> split_style("color: red; position: fixed; background: url(a.png)")
    (['color: red'], ['position', 'background'])
    """
    kept, removed = [], []
    for declaration in style.split(";"):
        if found := _STYLE.fullmatch(declaration):
            kept.append(f"{found[1]}: {found[2].strip()}")
        elif declaration.strip():
            removed.append(declaration.partition(":")[0].strip().lower())
    return kept, removed


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Drop unsafe URLs, styles that load or cover something, and targets but a new tab."""
    if attribute == "style":
        return "; ".join(split_style(value)[0]) or None
    if attribute == "target":
        return value if value == "_blank" else None
    return value if is_safe_attribute(tag, attribute, value) else None


_CLEANER: Final = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"math", "script", "style", "svg", "template"},
    attributes=_ATTRIBUTES,
    attribute_filter=_filter_attribute,
    url_schemes=_SCHEMES,
    set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
)
_TEXT_CLEANER: Final = nh3.Cleaner(tags=set())
