"""The classes of the localiser's two heads, in the order of its output channels."""

TISSUES = ('background', 'vertebra', 'canal', 'disc')
BACKGROUND, VERTEBRA, CANAL, DISC = range(4)

LEVELS = ('L5-S1', 'L4-L5', 'L3-L4', 'L2-L3', 'L1-L2', 'T12-L1-or-above', 'S1-S2-or-not-a-disc')
LUMBAR = LEVELS[:5]
ABOVE, BELOW = 5, 6

IGNORE = 255
"""In a level map: no statement about this pixel."""

UNKNOWABLE = 254
"""In a level map: a disc whose level the picture does not show (the sacrum is outside it)."""

OFF_SPINE = 253
"""In a level map: far from the spine, so that whatever is taken for a disc here is none."""
