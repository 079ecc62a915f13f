"""Reading text files that corpora were published with: UTF-8, or what Windows made of it."""

from pathlib import Path

# what the bytes 0x80 to 0x9f are on Windows; five of them are nothing
_WINDOWS = {code: char for code in range(0x80, 0xA0) if (char := bytes([code]).decode("cp1252", "ignore"))}


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, else Windows-1252; control characters that stand for Windows quotes are mended."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.translate(_WINDOWS)
