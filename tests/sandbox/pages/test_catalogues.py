"""The catalogues of the pages: every text has a translation, with the same placeholders."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.pages.translations import DOMAIN, LOCALES, languages, use_language

SANDBOX = LOCALES.parents[1]
SOURCES = [SANDBOX / "pages", SANDBOX / "desk"]
CONFIGURATION = Path(__file__).parents[3] / ".ci/babel.cfg"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>")
LANGUAGES = [each for each in languages() if each != "en"]


def read_catalogue(language: str) -> Any:
    pofile = pytest.importorskip("babel.messages.pofile")
    path = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return pofile.read_po(BytesIO(path.read_bytes()), locale=language, abort_invalid=True)


def strings(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def test_there_are_catalogues() -> None:
    assert {"de", "es"} <= {*LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_text_and_no_other(language: str) -> None:
    extract = pytest.importorskip("babel.messages.extract")
    frontend = pytest.importorskip("babel.messages.frontend")
    with CONFIGURATION.open() as file:
        methods, options = frontend.parse_mapping_cfg(file)
    wanted = {
        strings(found[2])
        for source in SOURCES
        for found in extract.extract_from_dir(source, methods, options)
    }

    catalogue = {strings(message.id): message for message in read_catalogue(language) if message.id}

    assert {*catalogue} == wanted
    empty = [key for key, message in catalogue.items() if not all(strings(message.string))]
    assert empty == []
    assert [key for key, message in catalogue.items() if message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_placeholders_of_the_text(language: str) -> None:
    def placeholders(text: str) -> set[str]:
        return {*PLACEHOLDER.findall(text)} - {"%(num)s"}  # "a page" may say no number

    different = [
        text
        for message in read_catalogue(language)
        for text in (strings(message.string) if message.id else ())
        if placeholders(text) != placeholders(" ".join(strings(message.id)))
    ]

    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_sources(language: str) -> None:
    compiled = gettext.translation(DOMAIN, LOCALES, [language])

    for message in read_catalogue(language):
        if message.id and message.pluralizable:
            shown = compiled.ngettext(*message.id, 1), compiled.ngettext(*message.id, 2)
            assert shown == (message.string[0], message.string[-1])
        elif message.id:
            assert compiled.gettext(message.id) == message.string


def test_a_page_has_the_language_of_its_job(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    german = browser.get(browser.path(launch(language="de"))).text
    browser.sign_in(launch(language="es"), "Ada")

    assert "Ihr Name" in german
    assert '<html lang="de"' in german
    assert "Enviar" in browser.html
    assert "Submit" not in browser.html


def test_a_language_without_a_catalogue_is_english(box: Sandbox) -> None:
    assert box.key
    assert [use_language(each) for each in ("de-AT", "pt", None, "ES")] == ["de", "en", "en", "es"]
    use_language("en")
