"""Reports: figures, text and the HTML page made of run folders."""
