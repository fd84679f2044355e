"""Spacing in mm: of SPIDER's slices as published, and of the pixels the localiser works on."""

SOURCE_SPACING_MM = 0.47
SLICE_MM = 0.9
SPACING_MM = 2 * SOURCE_SPACING_MM
