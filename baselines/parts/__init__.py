"""Parts of models: the card, changes of settings, identity, front ends, encoders, and what SVMs share."""
