"""The setting for the columns' names: what it says is what is asked for, and what is wrong is named."""

import pytest

from extractor.backends.state.columns import Columns, parse_columns


def test_columns_that_are_not_mentioned_keep_their_names() -> None:
    assert parse_columns("is_fetched=is_downloaded,frame_count=frames") == Columns(
        is_fetched="is_downloaded", frame_count="frames"
    )
    assert parse_columns("") == Columns()


def test_blanks_and_a_comma_at_the_end_do_no_harm() -> None:
    assert parse_columns(" code = Id , ") == Columns(code="Id")


def test_two_columns_may_change_places() -> None:
    swapped = parse_columns("is_fetched=is_extracted,is_extracted=is_fetched")
    assert swapped == Columns(is_fetched="is_extracted", is_extracted="is_fetched")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("is_downloaded", "is_downloaded"),
        ("is_downloaded=is_fetched", "is_downloaded"),
        ("code=", "code="),
        ("code=a b", "a b"),
        ('code=a";drop', "drop"),
        ("code=1st", "1st"),
        ("code=a=b", "a=b"),
        ("code=é", "é"),
        ("code=a,code=b", "code=b"),
        ("code=a,is_fetched=a", "code and is_fetched"),
        ("is_fetched=is_extracted", "is_fetched and is_extracted"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_columns(text)
