"""The scripts and styles that a job brings: whether it has some, and whether they may run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.forms.removed_markup import OWN_CODE

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

_SCRIPT_TAG: Final = re.compile(
    r"""<script(?=[\s>/])((?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE
)
_SOURCE: Final = re.compile(r"""[\s/"']src\s*=""", re.IGNORECASE)
"""The attribute ``src``, after all that can end what is before it: ``<script/src=…>``."""
_WRAPPED: Final = re.compile(
    r"\s*<(script|style)\b[^>]*>(.*)</\1\s*>\s*", re.IGNORECASE | re.DOTALL
)
_END: Final = re.compile(r"</(?=script|style)", re.IGNORECASE)
_OPENING: Final = re.compile(r"<(?=script[\s/>])", re.IGNORECASE)


def frame_path(tx: Transaction, job: Row[Any], url: str) -> str | None:
    """Return the path of the frame of a job; ``None`` if it has no own code, or it may not run.

    :param url: The path of the page that the frame is on.
    """
    if not tx.limits.job_scripts or not has_own_code(job):
        return None
    path, _, query = url.partition("?")
    return f"{path}/frame?{query}"


def has_own_code(job: Row[Any]) -> bool:
    """Return whether a job has scripts or styles: of its own, or in its form."""
    own = any((text or "").strip() for text in (job.js, job.css))
    return own or OWN_CODE.search(job.cml or "") is not None


def with_nonces(html: str, nonce: str) -> str:
    """Allow the scripts of a form to run, but none that is loaded from elsewhere.

    >>> with_nonces('<script>a()</script><script src="https://example.org/b.js"></script>', "n")
    '<script nonce="n">a()</script><script src="https://example.org/b.js"></script>'
    """

    def change(tag: re.Match[str]) -> str:
        return tag[0] if _SOURCE.search(tag[1]) else f'<script nonce="{nonce}"{tag[1]}>'

    return _SCRIPT_TAG.sub(change, html)


def element_text(code: str | None) -> str:
    r"""Return a script or a style as the text of its element, which it cannot end.

    >>> element_text("<script>a('</script>')</script>")
    "a('<\\/script>')"
    """
    wrapped = _WRAPPED.fullmatch(code or "")
    text = _END.sub(r"<\\/", wrapped[2] if wrapped else code or "")
    # After <!-- another <script> would hide the end of the element.
    return _OPENING.sub(r"<\\", text) if "<!--" in text else text
