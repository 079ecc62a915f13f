"""Statistics: intervals and tests over speakers and folds, many models, robustness, power, comparisons."""
