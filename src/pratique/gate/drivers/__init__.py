"""Drivers for the hardware at a door, one file each. A maker's own driver stands on `gate/ports.py` alone."""
