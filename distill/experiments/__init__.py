"""Decides what to run (grids, studies, variants, plan) and where it runs."""
