"""The networks that look at one disc: their training, figures, card and parity."""
