"""Pictures, sounds and films that pages do not load are named, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import ServiceWarning
from crowdflower.sandbox.forms import find_removed_markup
from crowdflower.sandbox.forms.media_addresses import is_loaded
from crowdflower.sandbox.pages.preview import render_preview
from crowdflower.sandbox.pages.row.pictures import link_pictures, refused_addresses

if TYPE_CHECKING:
    from crowdflower.sandbox import Sandbox

ELSEWHERE = "http://example.org/a.png"


@pytest.mark.parametrize(
    ("address", "loaded"),
    [
        ("https://example.org/a.png", True),
        ("HTTPS://example.org/a.png", True),
        ("http://127.0.0.1:9000/a.png", True),
        ("http://localhost/a.png", True),
        ("files/a.png", True),
        ("/label/files/a.png", True),
        ("data:image/png;base64,iVBORw0KGgo=", True),
        (ELSEWHERE, False),
        (" HTTP://EXAMPLE.ORG/a.png", False),
        ("http://localhost.example.org/a.png", False),
        ("http://127.0.0.1@example.org/a.png", False),
        ("http://[::1]/a.png", False),
        ("//example.org/a.png", False),
        ("http://[", False),
    ],
)
def test_media_is_loaded_over_https_and_from_this_machine(address: str, loaded: bool) -> None:
    assert is_loaded(address) is loaded


@pytest.mark.parametrize(
    "cml",
    [
        '<img src="{{ a }}">',
        "<IMG alt=x SRC='{{ a }}'/>",
        "<img src={{ a }}>",
        '<audio src="{{ a }}"></audio>',
        '<video poster="{{ a }}"></video>',
        '<video><source src="{{ a }}"></video>',
        '<img srcset="files/b.png 1x, {{ a }} 2x">',
        '{% if a %}<img src="{{ a }}">{% endif %}',
        "{{ html }}",
        '<cml:text name="q" label="See &lt;img src=\'{{ a }}\'&gt;"/>',
        '<cml:radios name="q"><cml:radio label="{{ html }}"/></cml:radios>',
        '<cml:text name="q"><cml:instructions>{{ html }}</cml:instructions></cml:text>',
    ],
)
def test_an_address_that_is_not_loaded_is_named_once(cml: str) -> None:
    row = {"a": ELSEWHERE, "html": f"<img src='{ELSEWHERE}'>"}

    assert refused_addresses(cml + cml.replace('"q"', '"r"'), row) == [ELSEWHERE]
    assert refused_addresses(cml, {"a": "files/a.png", "html": "<img src='files/a.png'>"}) == []


def test_a_link_or_a_text_is_not_media() -> None:
    cml = '<a href="{{ a }}">{{ a }}</a> <img alt="{{ a }}" data-src="{{ a }}" src="files/b.png">'

    assert refused_addresses(cml, {"a": ELSEWHERE}) == []


@pytest.mark.parametrize(
    ("cml", "named"),
    [
        (f'<img src="{ELSEWHERE}">', ELSEWHERE),
        ('<img src="http://example.org/{{ file }}">', "http://example.org/{{}}"),
        ('<img src="http://{{ host }}/a.png">', None),
        ('<img src="{{ address }}">', None),
        ('<img src="http://localhost:8080/{{ file }}">', None),
    ],
)
def test_an_address_of_the_form_gives_a_warning_when_it_is_saved(
    cml: str, named: str | None
) -> None:
    problems = [str(each) for each in find_removed_markup(cml)]

    expected = f"1:6: {named} is not loaded by the page: pages load pictures"
    assert [each.startswith(expected) for each in problems] == [True] * (named is not None)


def test_an_address_of_a_row_gives_a_warning_at_the_launch(crowdflower_sandbox: Sandbox) -> None:
    job = crowdflower_sandbox.client().upload_job(
        [{"picture": f"http://example.org/{n}.png"} for n in range(5)]
    )
    cml = '<img src="{{ picture }}"><cml:text label="What is it?" validates="required"/>'
    job.client.update_job(job.id, {"title": "Pictures", "instructions": "Look.", "cml": cml})

    with pytest.warns(ServiceWarning, match="not loaded") as caught:
        job.launch(5, channels=["cf_internal"])

    [text] = [str(each.message) for each in caught]
    assert "http://example.org/0.png is not loaded by the page, and 4 more" in text
    assert "crowdflower serve --files DIR" in text


def test_the_preview_names_what_contributors_will_not_see() -> None:
    cml = '<img src="{{ a }}"><cml:text label="What is it?"/>'

    refused = render_preview(cml, {"a": ELSEWHERE}, title="Pictures")
    loaded = render_preview(cml, {"a": "https://example.org/a.png"}, title="Pictures")

    assert f"<code>{ELSEWHERE}</code>" in refused
    assert "Contributors will not see" not in loaded


def test_files_of_the_folder_are_enlarged_like_other_pictures() -> None:
    for address in ("files/a.png", "/label/files/a.png", "https://example.org/a.png"):
        assert link_pictures(f'<img src="{address}">').startswith(
            f'<a class="zoom" href="{address}"'
        )


@pytest.mark.parametrize(
    ("html", "alt"),
    [
        ('<img src="https://example.org/a/cat.png?x=1">', "cat.png"),
        ('<img alt="" src="files/cat.png">', "cat.png"),
        ('<img src="files/cat.png" alt="A cat">', "A cat"),
        ('<img src="data:image/png;base64,iVBORw0KGgo=">', "Picture"),
    ],
)
def test_a_picture_has_a_text_that_names_its_link(html: str, alt: str) -> None:
    linked = link_pictures(html)

    assert linked.count("alt=") == 1
    assert f'alt="{alt}"' in linked
