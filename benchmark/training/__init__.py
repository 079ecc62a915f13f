"""Training: what a model hears and learns from, the loop, and one way to use every kind of model."""
