"""The form of a job as it stands in the fields of its editor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.desk.form.form_draft import read_draft

if TYPE_CHECKING:
    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict


@dataclass(frozen=True)
class TypedForm:
    """What stands in the editor."""

    cml: str
    instructions: str
    css: str
    js: str

    @property
    def fingerprint(self) -> str:
        """A short hash, by which a form that was changed meanwhile is noticed."""
        return sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def changes(self, job: Row[Any]) -> dict[str, str]:
        """Return the attributes of a job that differ from what it has."""
        before = asdict(form_in_use(job))
        return {name: text for name, text in asdict(self).items() if text != before[name]}


def form_in_use(job: Row[Any]) -> TypedForm:
    """Return the form that contributors get."""
    return TypedForm(job.cml or "", job.instructions, job.css or "", job.js or "")


def saved_form(job: Row[Any]) -> TypedForm:
    """Return the draft of a job, or else the form that contributors get."""
    draft = read_draft(job)
    if draft is None:
        return form_in_use(job)
    return TypedForm(draft.cml, draft.instructions, draft.css, draft.js)


def read_typed(form: MultiDict[str, str], before: TypedForm) -> TypedForm:
    """Read a sent form; fields that are not in it stay as they are.

    Browsers send line breaks as CR LF; they are stored as LF.
    """
    kept = asdict(before)
    sent = {name: form[name].replace("\r\n", "\n") for name in kept if name in form}
    return TypedForm(**{**kept, **sent})
