"""Parts of protocols: what a protocol is, folds, labels, leak checks, conditions, arms, studies, export."""
