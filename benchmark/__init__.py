"""The harness: plan, run, train, corpora, audio, conditions and the command line."""
