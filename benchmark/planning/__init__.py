"""Planning: from options and studies to trials and cells, before anything runs."""
