"""A headless Chromium to open pages with, where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
    "--virtual-time-budget=4000",
)  # fmt: skip


def opened(page: Path, profile: Path, hash: str = "", *more: str) -> tuple[str, list[str]]:
    """The document after its script has run, and what it wrote to the console. ``profile``: an empty folder."""
    command = [
        str(PATH),
        *FLAGS,
        f"--user-data-dir={profile}",
        *more,
        "--dump-dom",
        f"{page.absolute().as_uri()}{hash}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    console = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
    return done.stdout, console
