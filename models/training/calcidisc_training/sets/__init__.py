"""Sets of regions: cut, simulated, or as a site exported them."""
