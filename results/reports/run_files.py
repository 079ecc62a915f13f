"""What a run leaves in its own folder: its table, and pictures of it."""

from ..evidence.files import write_bytes
from ..evidence.store import Run
from ..text.forms import render
from ..text.run_table import RunTable, run_table
from . import figures
from .pictures import draw_all, ladder_pictures, matrices


def write_tables(run: Run) -> RunTable:
    """Write `tables/` and `figures/` of a run folder; what they show."""
    table = run_table([run])
    for form, ending in (("markdown", "md"), ("csv", "csv")):
        write_bytes(run.folder / "tables" / f"table.{ending}", render(table.document(), form).encode())
    clean = [score for score in table.scores if score.condition == "clean"]
    figures.draw(clean, run.folder / "figures")
    if wanted := [*matrices([] if table.ladders else clean, table.corpora), *ladder_pictures(table.ladders)]:
        draw_all(wanted, run.folder / "figures")
    return table
