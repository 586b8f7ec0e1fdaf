"""Monte Carlo spin pumping (filled in below)."""

__version__ = "0.1.0"
