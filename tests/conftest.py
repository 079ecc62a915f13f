"""Shared by the tests: a home of their own, one thread, and real audio where there is some."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is no fault of the code; speed has scripts of its own
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for prepared corpora that tests share, so that each corpus is prepared once."""
    root = tmp_path_factory.getbasetemp()
    # workers of pytest-xdist have sibling folders: their parent is common to them
    home = (root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) / "home"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture(autouse=True)
def _home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(shared_home))


@pytest.fixture
def four_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics that tables written out in tests have columns of; a further one must not change what these hold."""
    from serbench.results.statistics.metrics import METRICS

    for name in METRICS.keys() - {"uar", "wa", "macro_f1", "weighted_f1"}:
        monkeypatch.delitem(METRICS, name)


@pytest.fixture(scope="session")
def corpora_folder() -> Path:
    """Folder of real corpora; the test is skipped where SERBENCH_CORPORA names none."""
    folder = os.environ.get("SERBENCH_CORPORA", "")
    if not folder:
        pytest.skip("SERBENCH_CORPORA names no folder of real corpora")
    return Path(folder)
