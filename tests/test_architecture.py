"""The picture and the table of ARCHITECTURE.md are as the code is, and nothing in them points back up."""

from serbench.tests.measure.architecture import PAGE, PICTURE, page, picture
from serbench.tests.support.imports import arrows, circles, modules

REDRAW = "draw it again: python tests/measure/architecture.py"


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(modules()) == []


def test_no_two_rooms_import_each_other() -> None:
    pairs = arrows(modules())
    assert [pair for pair in pairs if pair[::-1] in pairs] == []


def test_picture_and_table_are_those_of_the_code() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), REDRAW
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), REDRAW
