"""The registry: names, profiles, variants, typed overrides, plugins, and what makes a model's identity."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serbench import plugins as foreign
from serbench.baselines import discovery
from serbench.baselines.parts import identity
from serbench.baselines.parts.changes import parse
from serbench.baselines.registry import (
    RECIPE,
    Recipe,
    Task,
    Variant,
    broken,
    cards,
    choose,
    find,
    model,
    modules_of,
    provider,
    settings_of,
)
from serbench.errors import InputError

NETWORKS = [name for name, card in cards().items() if card.kind == "network"]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Install modules, given as module=text, and entry points, given as name=module:attribute."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(files: dict[str, str], points: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
            monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
        entries = [EntryPoint(name, value, discovery.GROUP) for name, value in points.items()]
        monkeypatch.setattr(foreign, "entry_points", lambda group: entries if group == discovery.GROUP else [])
        discovery.installed.cache_clear()

    yield install
    monkeypatch.undo()
    discovery.installed.cache_clear()


GOOD = '''
from serbench.baselines.registry import model

@model()
def loud_pooling(settings, task):
    """Pools what is loud."""
    return None
'''


def test_the_three_first_models_are_there() -> None:
    assert {"majority", "functionals-svm", "mfcc-attention"} <= cards().keys()
    assert list(cards()) == sorted(cards())
    assert not broken()


@pytest.mark.parametrize("name", cards())
def test_every_card_explains_itself(name: str) -> None:
    card = find(name)
    assert card.summary and card.origin
    own = {f.name for f in fields(card.settings)} - RECIPE.keys()
    assert own <= card.explain.keys(), f"not explained: {own - card.explain.keys()}"
    assert all(variant.summary for variant in card.variants.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_tiny_profile(name: str) -> None:
    assert "tiny" in find(name).profiles


def test_every_field_of_the_recipe_is_explained() -> None:
    assert RECIPE.keys() == {f.name for f in fields(Recipe)}


def test_profiles_of_the_authors_keep_the_last_epoch_and_ours_the_best() -> None:
    """WavFusion's paper is silent about it."""
    authors = {("mfcc-attention", "notebook"), ("mfcc-attention", "paper")}
    for name in NETWORKS:
        for profile in find(name).profiles:
            last = profile.startswith(("released", "repo2025")) or (name, profile) in authors
            assert choose(f"{name}:{profile}").settings.keep == ("last" if last else "best"), (name, profile)


def test_choosing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from serbench.baselines.registry import *\n"
        "for name in cards(): modules_of(choose(name).card)\n"
        "heavy = {'torch', 'torchaudio', 'sklearn', 'librosa', 'transformers'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        ("mfcc-attention", "mfcc-attention"),
        ("mfcc-attention:clean", "mfcc-attention"),
        ("mfcc-attention:clean+no-l2", "mfcc-attention+no-l2"),
        ("mfcc-attention:paper", "mfcc-attention:paper"),
        ("mfcc-attention:tiny+reversed+no-l2", "mfcc-attention:tiny+no-l2+reversed"),
    ],
)
def test_a_model_is_written_in_one_way(spec: str, canonical: str) -> None:
    chosen = choose(spec)
    assert chosen.spec == canonical
    assert choose(canonical) == chosen


def test_profile_then_override_and_variant() -> None:
    chosen = choose("mfcc-attention:tiny+no-l2", {"lr": "1e-2", "epochs": " 7 "})
    assert (chosen.settings.filters, chosen.settings.l2, chosen.settings.lr, chosen.settings.epochs) == (16, 0, 0.01, 7)


@dataclass(frozen=True)
class Kinds(Recipe):
    flag: bool = False
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, float] = (1, 0.5)
    window: float | None = None
    mark: str = "a"


def typed(name: str, text: str) -> object:
    card = model(settings=Kinds(), explain={})(toy)
    return parse(card.settings, {name: text}, "toy")[name]


def toy(settings: Kinds, task: Task) -> None:
    """A card without a model."""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "true", True), ("flag", "False", False), ("sizes", "3, 4,5", (3, 4, 5)), ("sizes", "", ()),
        ("pair", "2,1", (2, 1.0)), ("window", "none", None), ("window", "0.25", 0.25), ("mark", "x=y", "x=y"),
        ("optimizer", "sgd", "sgd"), ("lr", "3", 3.0), ("batch", "8", 8),
    ],
)  # fmt: skip
def test_text_becomes_a_value_of_the_right_type(name: str, text: str, value: object) -> None:
    result = typed(name, text)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flag", "1"), ("sizes", "3,x"), ("pair", "1"), ("window", "wide"), ("optimizer", "adamm"), ("lr", "nan"),
        ("lr", "fast"), ("lr", "inf"), ("batch", "2.5"), ("batch", ""), ("pair", "1,2,3"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_clear_line(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"setting '{name}'.*is not") as caught:
        typed(name, text)
    assert "\n" not in str(caught.value)


@given(st.floats(min_value=1e-300, max_value=1e300), st.integers(1, 10**12))
def test_written_numbers_come_back(rate: float, batch: int) -> None:
    settings = choose("mfcc-attention", {"lr": repr(rate), "batch": str(batch)}).settings
    assert (settings.lr, settings.batch) == (rate, batch)


@pytest.mark.parametrize(
    ("spec", "overrides", "words"),
    [
        ("mfcc-atention", {}, "did you mean 'mfcc-attention'"),
        ("mfcc-attention:papr", {}, "did you mean 'paper'"),
        ("mfcc-attention:", {}, "unknown profile"),
        ("mfcc-attention:reversed", {}, "a variant of mfcc-attention, not a profile; write mfcc-attention+reversed"),
        ("mfcc-attention:framed", {}, "'framed' is a value of the setting layout of mfcc-attention (its default)"),
        ("mfcc-attention:vector", {}, "not a profile; write --set mfcc-attention.layout=vector"),
        ("mfcc-attention+reverse", {}, "did you mean 'reversed'"),
        ("mfcc-attention+", {}, "unknown variant"),
        ("mfcc-attention", {"filter": "3"}, "did you mean 'filters'"),
        (
            "mfcc-attention+reversed+no-attention",
            {},
            "variant 'reversed' and variant 'no-attention' both set 'attention'",
        ),
        ("mfcc-attention+no-l2+no-l2", {}, "both set 'l2'"),
        ("mfcc-attention+no-l2", {"l2": "1"}, "an override and variant 'no-l2' both set 'l2'"),
        ("mfcc-attention", {"epochs": "0"}, "setting 'epochs': 0 is not at least 1"),
        ("mfcc-attention", {"lr": "-1"}, "'lr'"),
        ("mfcc-attention", {"taps": "4"}, "an odd number"),
        ("mfcc-attention", {"reduction": "512"}, "at most filters"),
        ("mfcc-attention", {"label_smoothing": "1"}, "in [0, 1)"),
        ("functionals-svm", {"costs": ""}, "one or more numbers above 0"),
    ],
)
def test_what_cannot_be_chosen_is_said(spec: str, overrides: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(spec, overrides)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Toy_1"}, "'Toy_1' is not a name"),
        ({"profiles": {"big": {"batches": 1}}}, "did you mean 'batch'"),
        ({"profiles": {"big": {"batch": "1"}}}, "'1' is not a whole number"),
        ({"profiles": {"big": {"lr": 0.0}}}, "profile 'big': setting 'lr'"),
        ({"profiles": {"clean": {"lr": 1.0}}}, "it changes nothing"),
        ({"variants": {"fast": Variant("fast", {"lrr": 1.0})}}, "variant 'fast'"),
        ({"explain": {"windows": "?"}}, "did you mean 'window'"),
        ({"companions": frozenset({"big"})}, "profile in companions"),
        ({"kind": "net"}, "kind 'net' is none of"),
        ({"settings": ()}, "an instance of a frozen dataclass was expected"),
        ({"settings": Kinds}, "an instance of a frozen dataclass was expected"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        model(**{"settings": Kinds(), **changes})(toy)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_whole_numbers_given_for_floats_become_floats() -> None:
    card = model(settings=Kinds(), profiles={"big": {"lr": 1}})(toy)
    assert type(settings_of(card, "big").lr) is float


def test_a_text_is_read_once_and_again_when_it_changes(plugins: Callable[..., None], tmp_path: Path) -> None:
    plugins({"stranger.py": GOOD}, {"loud-pooling": "stranger:loud_pooling"})
    card = find("loud-pooling")
    identity._statements.cache_clear()
    assert modules_of(card) == modules_of(card) == ("stranger",) and identity._statements.cache_info().misses == 1
    (tmp_path / "stranger.py").write_text(GOOD + "import stranger.more\n")
    with pytest.raises(InputError, match=r"module stranger\.more: its source text cannot be read"):
        modules_of(card)


def test_a_plugin_is_found_and_short_to_write(plugins: Callable[..., None]) -> None:
    plugins({"stranger.py": GOOD}, {"loud-pooling": "stranger:loud_pooling"})
    card = find("loud-pooling")
    assert (card.summary, card.settings, card.module) == ("Pools what is loud.", Recipe(), "stranger")
    assert modules_of(card) == ("stranger",)
    assert provider(card) == "stranger:loud_pooling"  # no distribution brought it
    assert "majority" in cards()


@pytest.mark.parametrize(
    ("text", "point", "words"),
    [
        (
            "import no_such_module_anywhere",
            "broken:x",
            "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        ),
        ("raise SystemExit('bye')", "broken:x", "SystemExit: bye"),
        ("def f(:", "broken:x", "SyntaxError"),
        ("x = 3", "broken:x", "x is no card of a model; decorate its build function"),
        ("x = 3", "broken:y", "AttributeError"),
        (GOOD, "broken:loud_pooling", "give both one name"),
        (GOOD.replace("model()", "model(profiles={'big': {'lrr': 1.0}})"), "broken:x", "did you mean 'lr'"),
    ],
)
def test_a_broken_plugin_is_recorded_and_breaks_nothing(
    plugins: Callable[..., None], text: str, point: str, words: str
) -> None:
    plugins({"broken.py": text, "stranger.py": GOOD}, {"odd": point, "loud-pooling": "stranger:loud_pooling"})
    assert {"majority", "loud-pooling"} <= cards().keys() and "odd" not in cards()
    assert words in broken()["odd"] and "\n" not in broken()["odd"]
    with pytest.raises(InputError) as caught:
        find("odd")
    assert str(caught.value) == f"model 'odd': {broken()['odd']}"


def test_a_name_clash_names_both_origins(plugins: Callable[..., None]) -> None:
    plugins({"stranger.py": GOOD.replace("loud_pooling", "majority")}, {"majority": "stranger:majority"})
    with pytest.raises(InputError, match=r"'majority': serbench\.baselines\.majority \(serbench\) and stranger"):
        cards()


def test_identity_covers_what_a_plugin_imports_of_itself(plugins: Callable[..., None]) -> None:
    card = GOOD.replace("    return None", "    from .net import deep\n    import numpy\n    return None")
    plugins(
        {
            "package/__init__.py": "",
            "package/card.py": card.replace("@model()", "@model(sources=('.data',))"),
            "package/net.py": "from . import layers\nfrom .absent import nothing\n",
            "package/layers.py": "import package.net\n",
            "package/data.py": "",
            "package/unused.py": "",
        },
        {"loud-pooling": "package.card:loud_pooling"},
    )
    with pytest.raises(InputError, match=r"module package\.absent"):
        modules_of(find("loud-pooling"))
    path = Path(sys.modules["package"].__file__ or "").parent / "net.py"
    path.write_text("from . import layers\n")
    modules = modules_of(find("loud-pooling"))
    assert modules == ("package", "package.card", "package.data", "package.layers", "package.net")
    for name in [name for name in sys.modules if name.partition(".")[0] == "package"]:
        del sys.modules[name]


def test_identity_covers_every_module_that_building_imports() -> None:
    code = (
        "import sys, torch\n"
        "from serbench.baselines.registry import *\n"
        "names = ('', '.registry', '.parts', '.parts.card', '.parts.changes', '.networks', '.settings')\n"
        "shared = {f'serbench.baselines{name}' for name in names}\n"
        "cards_ = {card.module for card in cards().values()}\n"
        "for name, card in cards().items():\n"
        "    before = set(sys.modules)\n"
        "    profile = 'tiny' if 'tiny' in card.profiles else 'clean'\n"
        "    if card.needs(settings_of(card, profile)):  # an extra that is not installed\n"
        "        continue\n"
        "    card.build(settings_of(card, profile), Task(('a', 'b')))\n"
        "    new = {m for m in sys.modules if m.startswith('serbench.baselines')} - before - shared - cards_\n"
        "    assert new <= set(modules_of(card)), (name, new - set(modules_of(card)))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
