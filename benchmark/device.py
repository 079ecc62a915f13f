"""The device, the precision, and the switches that make the same cell give the same bytes twice."""

import os
from typing import TYPE_CHECKING

from ..errors import InputError, unknown

if TYPE_CHECKING:
    import torch

PRECISIONS = ("fp32", "tf32", "bf16")
#: workspaces with which cuBLAS is deterministic
_WORKSPACES = (":4096:8", ":16:8")


def resolve(name: str) -> "torch.device":
    """``auto`` (CUDA when there is some), ``cpu``, ``cuda`` or ``cuda:N`` -> the device, with its index.

    InputError for another name, for CUDA where torch finds none, and for an index that does not exist.
    """
    import torch

    kind, _, index = name.partition(":")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name != "auto" and (kind != "cuda" or (":" in name and not index.isdecimal())):
        raise unknown("device", name, ["auto", "cpu", "cuda", "cuda:0"])
    if not torch.cuda.is_available():
        raise InputError(f"--device {name}: {why_no_cuda()}; use --device cpu or auto")
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        raise InputError(f"--device {name}: torch sees {count} CUDA device{'s' * (count > 1)}, counted from cuda:0")
    return torch.device("cuda", int(index or 0))


def configure(device: "torch.device", precision: str, threads: int) -> None:
    """Set precision, threads and everything that makes results repeat; call it before anything runs on ``device``.

    Operations without a deterministic form raise an error. fp32 is IEEE single precision, without TF32; bf16 is fp32
    here, and the forward pass enters `torch.autocast`. ``threads`` 0 leaves the number to torch. InputError for a
    precision that is unknown or that the device lacks, and for CUDA that was used before it could be configured.
    """
    import torch

    check_precision(precision, device)
    if threads < 0:
        raise InputError(f"{threads} threads: give 1 or more, or 0 for as many as torch takes")
    if os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in _WORKSPACES:
        if device.type == "cuda" and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            raise InputError(
                "CUDA was used before serbench could make it deterministic; "
                f"set the environment variable CUBLAS_WORKSPACE_CONFIG={_WORKSPACES[0]} before starting"
            )
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = _WORKSPACES[0]
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    if threads:
        torch.set_num_threads(threads)


def check_precision(precision: str, device: "torch.device | None" = None) -> None:
    """InputError for a precision that is unknown or, where a device is given, that the device lacks."""
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if device is None:
        return
    import torch

    if precision == "tf32" and device.type == "cpu":
        raise InputError("--precision tf32: only CUDA devices have it; use fp32 on the CPU")
    if device.type == "cuda" and precision != "fp32" and torch.cuda.get_device_capability(device)[0] < 8:
        raise InputError(
            f"--precision {precision}: {torch.cuda.get_device_name(device)} lacks it (compute capability 8.0); use fp32"
        )


def why_no_cuda() -> str:
    """What torch says about the missing CUDA, in one line."""
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        return "torch says: " + str(error).splitlines()[0].partition(". ")[0]
    return "torch finds no CUDA device"
