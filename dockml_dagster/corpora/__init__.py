"""Where projects come from: one module a corpus, all filling the same ``raw`` tables."""
