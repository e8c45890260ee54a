"""The tables of the pages: every entry is complete, in range, and can be built."""

import dataclasses
import json
import re

import pytest

from stepwell.lab import PAGES, launch
from stepwell.lab.engine import AbstractEngine, AbstractRun
from stepwell.lab.page import Choice, Number, Numbers, Points, Switch

RADIUS = Number(label="radius", default=1.0, low=0.5, high=2.0)
COUNT = Number(label="count", default=3, low=1, high=6, whole=True)
PLACES = Points(label="poles", default=((0.5, 0.0),), least=1, most=2, reach=1.2)


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.slug)
class TestEveryPage:
    def test_has_words_and_three_things_to_look_for(self, page):
        assert page.title and page.claim.endswith(".") and page.picture and page.source
        assert len(page.look) == 3 and page.formula

    def test_has_defaults_and_presets_that_its_controls_can_produce(self, page):
        assert page.checked(page.defaults()) == page.defaults()
        for settings in page.presets.values():
            page.checked(settings)

    def test_travels_as_json(self, page):
        assert json.loads(json.dumps(page.plain()))["slug"] == page.slug

    def test_names_every_field_of_its_engine_as_a_setting(self, page):
        if page.engine is None:
            return
        engine = page.build({})
        assert isinstance(engine, AbstractRun if page.streams else AbstractEngine)
        assert {field.name for field in dataclasses.fields(engine)} <= set(page.settings)

    def test_has_python_lines_that_compile_and_name_settings_only(self, page):
        assert set(re.findall(r"\{(\w+)\}", page.python)) <= set(page.settings)
        compile(re.sub(r"\{(\w+)\}", "0", page.python), page.slug, "exec")


@pytest.mark.parametrize(
    "setting, value",
    [
        (RADIUS, "1"),
        (RADIUS, True),
        (RADIUS, float("nan")),
        (RADIUS, float("inf")),
        (RADIUS, 2.1),
        (COUNT, 2.5),
        (COUNT, 7),
        (PLACES, []),
        (PLACES, [[0.1, 0.2]] * 3),
        (PLACES, [[1.0, 1.0]]),
        (PLACES, [[0.1]]),
        (PLACES, [0.1, 0.2]),
        (PLACES, [[0.1, None]]),
        (Choice(label="rule", default="a", options={"a": "A"}), "b"),
        (Choice(label="rule", default="a", options={"a": "A"}), ["a"]),
        (Switch(label="on", default=True), 1),
        (Numbers(label="residues", default=(1.0,), low=-3, high=3, beside="poles"), [4]),
    ],
)
def test_a_value_that_no_control_can_produce_is_refused(setting, value):
    with pytest.raises(ValueError):
        setting.checked(value)


def test_a_whole_number_stays_whole_and_a_point_becomes_two_floats():
    assert COUNT.checked(4.0) == 4 and isinstance(COUNT.checked(4.0), int)
    assert PLACES.checked([[1, 0]]) == ((1.0, 0.0),)


def test_the_answer_to_a_hostile_value_is_short():
    with pytest.raises(ValueError) as refusal:
        RADIUS.checked("x" * 10_000)
    assert len(str(refusal.value)) < 120


def test_unknown_and_frozen_settings_are_refused():
    with pytest.raises(ValueError, match="no setting 'sigma_0'"):
        PAGES["training"].checked({"sigma_0": 1.0})
    with pytest.raises(ValueError, match="send reset"):
        PAGES["training"].checked({"sigma0": 0.1}, live=True)
    assert PAGES["training"].checked({"learning_rate": 0.05}, live=True) == {"learning_rate": 0.05}


def test_an_unknown_page_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="there are: poles, residue"):
        launch(page="pole", browser=False)
