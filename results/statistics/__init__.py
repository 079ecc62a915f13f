"""Statistics: numbers on arrays: metrics, intervals, tests, robustness, power."""
