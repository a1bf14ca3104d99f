"""Figures of measurements and of images; each function returns one Matplotlib figure."""
