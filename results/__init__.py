"""Records, metrics, statistics, tables and figures: from stored predictions to evidence."""
