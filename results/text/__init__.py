"""Text: results as tables, sentences, CSV, LaTeX and JSON."""
