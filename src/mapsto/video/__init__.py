"""Clips: pictures that move, painted one after the other so that they stay steady."""
