"""Where a file stands for content that is not here: links and pointers of what keeps large files elsewhere."""

import os
from pathlib import Path

_POINTERS = {
    b"version https://git-lfs": "a pointer of git-lfs, not the audio; run `git lfs pull` in its folder",
    b"/annex/objects/": "a pointer of git-annex, not the audio; run `git annex get` or `datalad get` in its folder",
}
_LINKS = {
    "annex/objects": "its content is not here; run `git annex get` or `datalad get` in its folder",
    "blobs/": "a link of a Hugging Face cache whose content is not here; run `hf download` for it again",
}


def missing_content(path: Path) -> str:
    """Why a file has not the content that its name promises, and which command brings it; empty where it has."""
    if path.is_symlink() and not path.exists():
        target = os.readlink(path)  # noqa: PTH115 - as it is written, not as a path
        plain = target.replace("\\", "/")
        return next((why for part, why in _LINKS.items() if part in plain), f"a link to {target}, which is not there")
    try:
        with path.open("rb") as file:
            start = file.read(max(map(len, _POINTERS)))
    except OSError:
        return ""
    return next((why for mark, why in _POINTERS.items() if start.startswith(mark)), "")
