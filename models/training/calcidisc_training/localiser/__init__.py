"""The network that finds discs: what it is shown, its training, its measurement and card."""
