"""Training of Calcidisc's models: the disc localiser and the calcification classifiers."""
