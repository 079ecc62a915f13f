"""Names of rows: ``utterance#copy``. Copy 0 is the clip itself."""


def row_id(utterance: str, copy: int = 0) -> str:
    """The row ``utterance#copy``; copy 0 is the clip itself."""
    return f"{utterance}#{copy}"


def utterance_of(row: str) -> str:
    """The utterance that a row is a copy of."""
    return row.rpartition("#")[0]


def copy_of(row: str) -> int:
    """The number of the copy; 0 is the clip itself."""
    return int(row.rpartition("#")[2])
