"""Parameters in every encoding that clients use, and invalid ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.sandbox.api import parameters
from crowdflower.sandbox.api.parameters import Parameters
from crowdflower.sandbox.errors import BadRequest, Invalid, MissingParameters, Refusal


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"page=2", {"page": "2"}),
        (b"job[title]=a&job[options][front_load]=true",
         {"job": {"title": "a", "options": {"front_load": "true"}}}),
        (b"job%5Btitle%5D=a+b%20c", {"job": {"title": "a b c"}}),
        (b"channels[]=a&channels[]=b", {"channels": ["a", "b"]}),
        (b"channels[0]=a&channels[1]=b", {"channels": {"0": "a", "1": "b"}}),
        (b"unit[data][sentiment_gold][]=yes&unit[data][sentiment_gold][]=no",
         {"unit": {"data": {"sentiment_gold": ["yes", "no"]}}}),
        (b"rows[][a]=1&rows[][b]=2&rows[][a]=3", {"rows": [{"a": "1", "b": "2"}, {"a": "3"}]}),
        (b"title=first&title=last", {"title": "last"}),
        (b"empty=&bare&&", {"empty": "", "bare": None}),
        (b"job[title]=\xc3\xbc", {"job": {"title": "ü"}}),
        (b"", {}),
    ],
)  # fmt: skip
def test_bracketed_names_build_nested_mappings(query: bytes, expected: dict[str, Any]) -> None:
    assert parameters.parse_query(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"[job][title]=a", {"job": {"title": "a"}}),
        (b"[[job]][title]=a", {"job": {"title": "a"}}),
        (b"%5Bjob%5D%5Btitle%5D=a", {"job": {"title": "a"}}),
        (b"[job][options][front_load]=a", {"job": {"options": {"front_load": "a"}}}),
        (b"[channels][]=a&[channels][]=b", {"channels": ["a", "b"]}),
        (b"job[title=a", {"job": {"title": "a"}}),
        (b"job]title=a", {"job": {"title": "a"}}),
        (b"job]=a", {"job": "a"}),
        (b"job[=a", {"job[": "a"}),
        (b"job[[title]]=a", {"job": {"title": "a"}}),
        (b"job[[]]=a", {"job": None}),
        (b"job[title]x=a", {"job": {"title": {"x": "a"}}}),
        (b"]]job=a", {"job": "a"}),
        (b"[" * 100_000 + b"job=a", {"job": "a"}),
        (b"[]=a&=b&[[=c&[]", {}),
        (b"a[b]=1&a=2", {"a": "2"}),
        (b"a&a[b]=1", {"a": {"b": "1"}}),
        (b"a[][]=1&a[][]=2", {"a": [["1"], ["2"]]}),
        (b"a[]&a[]=1", {"a": [None, "1"]}),
        (b"a[][[=1", {"a": [None]}),
        (b"a[][b][c]=1&a[][b][d]=2&a[][b][c]=3", {"a": [{"b": {"c": "1", "d": "2"}},
                                                       {"b": {"c": "3"}}]}),
        (b"a[][b]=1&a[][c][]=2&a[][c][]=3", {"a": [{"b": "1", "c": ["2", "3"]}]}),
        (b"a" + b"[]" * 100_000 + b"=1", {"a": [None]}),
    ],
)  # fmt: skip
def test_brackets_that_do_not_match_are_read_as_rack_reads_them(
    query: bytes, expected: dict[str, Any]
) -> None:
    """The values follow ``normalize_params`` of Rack 1.6, the version of the service's time."""
    assert parameters.parse_query(query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"a=1&a[b]=2", "contradicts"),
        (b"a=&a[b]=2", "contradicts"),
        (b"a[]=1&a[b]=2", "contradicts"),
        (b"a[b]=1&a[]=2", "contradicts"),
        (b"a[b]=1&a[][c]=2", "contradicts"),
        (b"a" + b"[b]" * 9 + b"=1", "deeper than 8"),
        (b"a" + b"[b]" * 100_000 + b"=1", "deeper than 8"),
        (b"&".join(b"a%d=1" % number for number in range(5001)), "more than 5000"),
        (b"a=%ff", "not UTF-8"),
        (b"a=\xff", "not UTF-8"),
        (b"a=%ed%a0%80", "not UTF-8"),
        (b"a=%00", "NUL"),
        (b"a%00=1", "NUL"),
    ],
)
def test_an_unreadable_parameter_is_refused_with_its_name(query: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        parameters.parse_query(query)

    assert len(caught.value.message) < 300


def test_an_index_only_orders_a_list() -> None:
    asked = Parameters(parameters.parse_query(b"channels[999999999]=b&channels[3]=a"))

    assert asked.names("channels") == ["a", "b"]


@given(st.binary(max_size=200))
def test_any_query_is_parsed_or_refused(raw: bytes) -> None:
    try:
        tree = parameters.parse_query(raw)
    except Refusal:
        return
    assert isinstance(tree, dict)


@given(
    st.recursive(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")),
        lambda inner: (
            st.dictionaries(st.text("abc", min_size=1), inner, min_size=1)
            | st.lists(st.text("xyz"), min_size=1)
        ),
        max_leaves=8,
    ).filter(lambda tree: isinstance(tree, dict))
)
def test_bracketed_names_round_trip(tree: dict[str, Any]) -> None:
    def pairs(name: str, value: Any) -> list[tuple[str, str]]:
        if isinstance(value, dict):
            return [pair for key in value for pair in pairs(f"{name}[{key}]", value[key])]
        if isinstance(value, list):
            return [(f"{name}[]", item) for item in value]
        return [(name, value)]

    query = [pair for name, value in tree.items() for pair in pairs(name, value)]
    if all(name.count("[") <= 8 for name, _ in query):
        assert parameters.parse_pairs(query) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1 column 2"),
        ('{"a": 1} {"b": 2}', "Extra data: line 1 column 10"),
        ('{"a":\n NaN}', "NaN is not a number that fits: line 2 column 2"),
        ('{"a": [-Infinity]}', "-Infinity is not a number that fits: line 1 column 8"),
        ('{"NaN": 1e400}', "1e400 is not a number that fits: line 1 column 9"),
        ('{"a": 1' + "0" * 400 + "}", r"10+ is not a number that fits: line 1 column 7"),
        ('{"a": ' + "[" * 64 + "1" + "]" * 64 + "}", "More than 64 levels of nesting: line 1"),
        ('{"a": ' + "[" * 200_000, "More than 64 levels of nesting: line 1 column 70"),
        (r'{"a": "\ud800"}', "a lone surrogate: line 1 column 7"),
        (r'{"a": "\ude00\ud83d"}', "a lone surrogate"),
        (r'{"a\u0000": 1}', "u0000: line 1 column 2"),
        ("[1]", "has to be a JSON object"),
        ("[null]", "has to be a JSON object"),
        ('"null"', "has to be a JSON object"),
        ("7", "has to be a JSON object"),
        ("0", "has to be a JSON object"),
        ("false", "has to be a JSON object"),
    ],
)  # fmt: skip
def test_invalid_json_is_refused_with_the_position(text: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        parameters.parse_json(text)

    assert len(caught.value.message) < 300


@pytest.mark.parametrize("text", ["null", " null\r\n", "[]", " [ ] ", '""', "{}"])
def test_json_for_nothing_is_an_empty_object(text: str) -> None:
    """``null`` is a body of the vendor's Ruby gem, ``[]`` an empty array of PHP."""
    assert parameters.parse_json(text) == {}


def test_valid_json_is_parsed_unchanged() -> None:
    value = {"deep": [[[[{"a": None}]]]], "astral": "😀", "big": 2**64, "small": 5e-324, "t": True}

    assert parameters.parse_json(json.dumps(value)) == value


def test_a_string_with_special_characters_is_parsed_unchanged() -> None:
    value = {"a": "NaN 1e400 [[[[ \\u0000 \\ud800", "b": "[" * 100}

    assert parameters.parse_json(json.dumps(value)) == value


def test_the_body_overrides_the_query_key_by_key() -> None:
    query = parameters.parse_query(b"job[title]=query&job[cml]=kept&page=2")
    body = parameters.parse_json('{"job": {"title": "body"}, "tags": ["a"]}')

    assert parameters.merge(query, body) == {
        "job": {"title": "body", "cml": "kept"},
        "page": "2",
        "tags": ["a"],
    }


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("a, b,,c ", ["a", "b", "c"]),
        ("a", ["a"]),
        (["a", " b "], ["a", "b"]),
        ({"1": "b", "0": "a"}, ["a", "b"]),
        ([None, "a", ""], ["a"]),
        ([None], []),
        ({"channel": "a"}, ["a"]),
        ({}, []),
        ("", []),
        (None, None),
    ],
)
def test_a_list_of_names_has_many_spellings(value: Any, names: list[str] | None) -> None:
    assert Parameters({"tags": value}).names("tags") == names


@pytest.mark.parametrize("value", [7, ["a", 7], {"a": 7}, {"a": ["b"]}, [["a"]], True])
def test_a_list_that_is_not_of_strings_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="tags has to be a list of names"):
        Parameters({"tags": value}).names("tags")


@pytest.mark.parametrize(("value", "number"), [("12", 12), (12, 12), (" -3 ", -3), ("", 9)])
def test_an_integer_may_be_a_string(value: Any, number: int) -> None:
    assert Parameters({"page": value}).integer("page", 9) == number


@pytest.mark.parametrize("value", ["ten", "1.5", 1.5, True, [1], "9" * 19, "1e3"])
def test_an_invalid_integer_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="page has to be"):
        Parameters({"page": value}).integer("page")


@pytest.mark.parametrize("value", ["true", "TRUE", "1", True, 1])
def test_true_has_several_spellings(value: Any) -> None:
    assert Parameters({"force": value}).flag("force") is True


@pytest.mark.parametrize("value", ["false", "0", "", False, 0, None])
def test_false_has_several_spellings(value: Any) -> None:
    assert Parameters({"force": value}).flag("force") is False


@pytest.mark.parametrize("value", ["yes", 2, [], "truthy"])
def test_an_invalid_boolean_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="force has to be true or false"):
        Parameters({"force": value}).flag("force")


def test_a_mapping_may_come_as_json_text() -> None:
    asked = Parameters({"data": '{"a": [1]}', "bad": "{", "list": "[1]"})

    assert asked.mapping("data") == {"a": [1]}
    with pytest.raises(BadRequest, match="bad is not valid JSON"):
        asked.mapping("bad")
    with pytest.raises(BadRequest, match="list has to be a JSON object"):
        asked.mapping("list")


@pytest.mark.parametrize("value", ["", " ", "null", "[]", "{}", None, [], {}])
def test_a_mapping_may_be_empty_in_every_way(value: Any) -> None:
    asked = Parameters({"data": value})

    assert asked.mapping("data") == asked.mapping("absent") == {}
    assert asked.nested("data").values == {}


def test_a_missing_parameter_is_refused() -> None:
    with pytest.raises(MissingParameters):
        Parameters({}).require("unit")


@pytest.mark.parametrize(
    ("values", "page", "limit"),
    [
        ({}, 1, 100),
        ({"page": "0", "limit": "7"}, 1, 7),
        ({"page": "3", "limit": "5000"}, 3, 100),
        ({"page": "9" * 18}, 10**9, 100),
    ],
)
def test_pages_count_from_one_and_have_a_maximum_size(
    values: dict[str, str], page: int, limit: int
) -> None:
    asked = Parameters(values)

    assert (asked.page(), asked.limit(100)) == (page, limit)


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("{2}", 2),
        ("{ 2 }", 2),
        ("2nd", 2),
        ("2.9", 2),
        (2.5, 2),
        ("{2", 1),
        ("{{2}}", 1),
        ("{}", 1),
        ("", 1),
        (" ", 1),
        ("abc", 1),
        ("page 2", 1),
        ("-1st", 1),
        (["2"], 1),
        ({"a": "2"}, 1),
        (True, 1),
        ("9" * 5000, 10**9),
    ],
)
def test_a_page_is_the_integer_at_the_start_of_its_text_with_a_warning(
    value: Any, page: int
) -> None:
    """The braces are those of the requests guide; the rest is what Rails makes of a text."""
    asked = Parameters({"page": value, "limit": value})

    assert asked.page() == page
    assert len(asked.warnings) == 1
    assert "page is not an integer" in asked.warnings[0]
    assert len(asked.warnings[0]) < 120


@pytest.mark.parametrize(("value", "page"), [("0", 1), ("-1", 1), (-7, 1), (None, 1), ("2", 2)])
def test_a_page_below_one_is_the_first_without_a_warning(value: Any, page: int) -> None:
    asked = Parameters({"page": value})

    assert (asked.page(), asked.warnings) == (page, [])


@pytest.mark.parametrize(
    ("value", "limit"),
    [("{7}", 7), ("7 units", 7), ("", 100), ("all", 100), ("0", 100), ("-5", 100), ("-5x", 100)],
)
def test_a_page_size_that_is_none_is_the_maximum_with_a_warning(value: str, limit: int) -> None:
    asked = Parameters({"limit": value})

    assert asked.limit(100) == limit
    assert asked.warnings


def test_a_nested_parameter_warns_with_the_others() -> None:
    asked = Parameters({"unit": {"page": "{2}"}})

    assert asked.nested("unit").page() == 2
    assert asked.warnings == ["page is not an integer: '{2}' was read as 2."]


@pytest.mark.parametrize(
    "value",
    [
        "5 units",
        "{5} units",
        "5.0",
        "5,000",
        "five",
        "1e2",
        "1_0",
        "5.",
        "\uff15",
        "\u0665",
        True,
        [1],
        5.5,
    ],
)
def test_text_behind_a_number_is_refused_where_it_is_not_a_page(value: object) -> None:
    """``units_count``, ``amount`` and ids are read so: a wrong one would cost money."""
    asked = Parameters({"units_count": value})

    with pytest.raises(Invalid, match="units_count has to be a whole number"):
        asked.integer("units_count")


@pytest.mark.parametrize("value", [5, 5.0, "5", " 5 "])
def test_a_number_of_units_is_an_integer_in_any_type_of_json(value: object) -> None:
    assert Parameters({"units_count": value}).integer("units_count") == 5


@pytest.mark.parametrize("query", [b"page=1;limit=2", b"page=1& limit=2", b"page=1&limit=2"])
def test_a_query_is_split_as_rack_splits_it(query: bytes) -> None:
    """Rack 1.6 splits a query at ``[&;] *``, and a form at ``& *``."""
    assert parameters.parse_query(query) == {"page": "1", "limit": "2"}
    assert parameters.parse_query(b"a=1;b=2", "&") == {"a": "1;b=2"}
