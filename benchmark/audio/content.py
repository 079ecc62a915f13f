"""Where a path is no file with content: links and pointers of what keeps large files elsewhere, pipes and devices."""

import os
import stat
from pathlib import Path

_POINTERS = {
    b"version https://git-lfs": "a pointer of git-lfs, not the audio; run `git lfs pull` in its folder",
    b"/annex/objects/": "a pointer of git-annex, not the audio; run `git annex get` or `datalad get` in its folder",
}
_LINKS = {
    "annex/objects": "its content is not here; run `git annex get` or `datalad get` in its folder",
    "blobs/": "a link of a Hugging Face cache whose content is not here; run `hf download` for it again",
}
_SPECIAL = {
    stat.S_ISFIFO: "a pipe (FIFO), not a file; write what comes out of it to a file first",
    stat.S_ISSOCK: "a socket, not a file",
    stat.S_ISCHR: "a device, not a file",
    stat.S_ISBLK: "a device, not a file",
}


def special_file(path: Path) -> str:
    """Why a path is no file that may be opened: who opens a pipe waits for ever; empty where it may."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return next((why for is_one, why in _SPECIAL.items() if is_one(mode)), "")


def missing_content(path: Path) -> str:
    """Why a path has not the content that its name promises, and which command brings it; empty where it has."""
    if path.is_symlink() and not path.exists():
        target = os.readlink(path)  # noqa: PTH115 - as it is written, not as a path
        plain = target.replace("\\", "/")
        return next((why for part, why in _LINKS.items() if part in plain), f"a link to {target}, which is not there")
    if why := special_file(path):
        return why
    try:
        with path.open("rb") as file:
            start = file.read(max(map(len, _POINTERS)))
    except OSError:
        return ""
    return next((why for mark, why in _POINTERS.items() if start.startswith(mark)), "")
