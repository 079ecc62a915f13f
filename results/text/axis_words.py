"""What stands at the axes of pictures: words and units for the levels of conditions and of settings."""

from collections.abc import Sequence

from ..evidence.results import TWO_WAYS

#: settings that papers write as letters, as an axis has them
_SETTINGS = {"discrepancy": "weight of the loss, λ", "margin": "margin, α"}
_MOST_DIGITS = 4


def level_axis(kind: str, unit: str) -> str:
    """Of the levels of one kind of condition; one in dB that goes one way is a noise.

    >>> level_axis("white", "dB"), level_axis("gain", "dB"), level_axis("opus", "kbit/s"), level_axis("words", "")
    ('SNR (dB)', 'gain (dB)', 'opus (kbit/s)', 'words')
    """
    name = "SNR" if unit == "dB" and kind not in TWO_WAYS else kind
    return f"{name} ({unit})" if unit else name


def setting_axis(name: str) -> str:
    """Of the levels of one setting.

    >>> setting_axis("margin"), setting_axis("batch")
    ('margin, α', 'batch')
    """
    return _SETTINGS.get(name, name)


def told_apart(values: Sequence[float], digits: int = 1) -> list[str]:
    """Numbers with so many digits, or as many more as numbers that differ need to look different.

    >>> told_apart([82.52, 82.48, 70.0]), told_apart([82.5, 82.5])
    (['82.52', '82.48', '70.00'], ['82.5', '82.5'])
    """
    distinct = len({round(value, _MOST_DIGITS) for value in values})
    while digits < _MOST_DIGITS and len({f"{value:.{digits}f}" for value in values}) < distinct:
        digits += 1
    return [f"{value:.{digits}f}" for value in values]
