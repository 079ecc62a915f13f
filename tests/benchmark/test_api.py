"""The Python API: its names come from where they live, and `import serbench` imports nothing."""

import subprocess
import sys

import pytest

import serbench
from serbench.baselines import registry
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Protocol


def test_importing_serbench_imports_nothing_else() -> None:
    code = "import sys, serbench; print(sorted({'numpy', 'pandas', 'click', 'serbench.errors'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_are_those_of_their_homes() -> None:
    assert (serbench.InputError, serbench.Protocol, serbench.model) == (InputError, Protocol, registry.model)
    assert set(serbench.__all__) <= set(dir(serbench))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        serbench.__getattr__("nothing")
