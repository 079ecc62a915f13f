"""Devices by name, precision, and the switches that make results repeat."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from serbench.benchmark.device import check_precision, configure, resolve
from serbench.errors import InputError


@pytest.fixture
def _switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what `configure` sets for the whole process."""
    import torch

    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
    )
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.set_num_threads(before[1])
    torch.backends.cudnn.benchmark = before[2]
    torch.backends.cudnn.allow_tf32 = before[3]
    torch.backends.cuda.matmul.allow_tf32 = before[4]


def cuda(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (9, 0)) -> None:
    """As if torch saw this many CUDA devices."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A card")


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, serbench.benchmark.device; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda(monkeypatch, 0)
    assert [str(resolve(name)) for name in ("cpu", "auto")] == ["cpu", "cpu"]
    cuda(monkeypatch, 2)
    names = ("cpu", "auto", "cuda", "cuda:0", "cuda:1")
    assert [str(resolve(name)) for name in names] == ["cpu", "cuda:0", "cuda:0", "cuda:0", "cuda:1"]


@pytest.mark.parametrize(
    ("count", "name", "said"),
    [
        (0, "cuda", "--device cuda: torch"),
        (0, "cuda:1", "use --device cpu or auto"),
        (2, "cuda:2", "torch sees 2 CUDA devices, counted from cuda:0"),
        (1, "gpu", "unknown device 'gpu'"),
        (1, "cdua", "did you mean 'cuda'"),
        (1, "cuda:", "unknown device"),
        (1, "cuda:-1", "unknown device"),
        (1, "auto:1", "unknown device"),
    ],
)
def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch, count: int, name: str, said: str) -> None:
    cuda(monkeypatch, count)
    with pytest.raises(InputError, match=said) as error:
        resolve(name)
    assert "\n" not in str(error.value)


def test_no_cuda_is_told_in_the_words_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def init() -> None:
        raise RuntimeError("The card is on fire. Call the fire brigade\nsecond line")

    cuda(monkeypatch, 0)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(InputError, match="torch says: The card is on fire; use --device cpu"):
        resolve("cuda")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(InputError, match="is built without CUDA; use --device cpu"):
        resolve("cuda")


@pytest.mark.usefixtures("_switches")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_switches(monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    import torch

    cuda(monkeypatch, 1)
    torch.backends.cudnn.benchmark = True
    configure(torch.device("cuda", 0), precision, 1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is (precision == "tf32")
    assert torch.get_num_threads() == 1
    configure(torch.device("cpu"), "fp32", 2)
    assert torch.get_num_threads() == 2
    configure(torch.device("cpu"), "fp32", 0)
    assert torch.get_num_threads() == 2
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.usefixtures("_switches")
def test_a_deterministic_workspace_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    configure(torch.device("cpu"), "fp32", 1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.usefixtures("_switches")
def test_wrong_precision_threads_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    cpu, card = torch.device("cpu"), torch.device("cuda", 0)
    with pytest.raises(InputError, match="unknown precision 'fp23'; did you mean 'fp32'"):
        check_precision("fp23")
    with pytest.raises(InputError, match="only CUDA devices have it"):
        configure(cpu, "tf32", 1)
    with pytest.raises(InputError, match="-1 threads"):
        configure(cpu, "fp32", -1)
    cuda(monkeypatch, 1, capability=(7, 5))
    with pytest.raises(InputError, match="--precision bf16: A card lacks it"):
        configure(card, "bf16", 1)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(InputError, match="CUBLAS_WORKSPACE_CONFIG=:4096:8"):
        configure(card, "fp32", 1)


@pytest.mark.cuda
@pytest.mark.slow
def test_cuda_repeats_and_fp32_is_no_tf32() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    code = """
import hashlib, sys, torch
from torch.nn import functional as F
from serbench.benchmark.device import configure, resolve
device = resolve("cuda")
configure(device, sys.argv[1], 1)
torch.manual_seed(0)
a = torch.randn(512, 512, device=device)
exact = a.double() @ a.double()
print(float(((a @ a).double() - exact).abs().max() / exact.abs().max()))
net = torch.nn.GRU(64, 128, 2, batch_first=True, bidirectional=True).to(device)
filters = torch.randn(64, 1, 65, device=device, requires_grad=True)
for _ in range(3):
    out, _ = net(F.conv1d(torch.randn(8, 1, 4_000, device=device), filters, stride=16).transpose(1, 2))
    out.square().mean().backward()
total = torch.cat([p.grad.flatten() for p in [filters, *net.parameters()]]).cpu().numpy().tobytes()
print(hashlib.sha256(total).hexdigest())
"""

    def once(precision: str) -> tuple[float, str]:
        done = subprocess.run([sys.executable, "-c", code, precision], capture_output=True, text=True, check=True)
        error, digest = done.stdout.split()
        return float(error), digest

    first, again, coarse = once("fp32"), once("fp32"), once("tf32")
    assert first == again
    assert first[0] < 1e-5 < coarse[0]
