"""The spine as SPIDER's masks give it: slices, levels, sacrum, folds."""
