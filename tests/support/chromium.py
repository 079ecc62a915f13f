"""A headless Chromium to open pages with, where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
)  # fmt: skip
BUDGETS_MS = (4_000, 16_000, 64_000, 256_000)  # of the page's own time, which runs ahead where a machine is busy


def opened(page: Path, profile: Path, hash: str = "", *more: str, until: str = "") -> tuple[str, list[str]]:
    """The document after its script has run, and what it wrote to the console. ``profile``: an empty folder.

    Sound is decoded in real time, the page's clock is not: without ``until`` in the document, it gets more time.
    """
    for attempt, budget in enumerate(BUDGETS_MS):
        command = [
            str(PATH),
            *FLAGS,
            f"--virtual-time-budget={budget}",
            f"--user-data-dir={profile / str(attempt)}",
            *more,
            "--dump-dom",
            f"{page.absolute().as_uri()}{hash}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if until in done.stdout:
            break
    return done.stdout, re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
