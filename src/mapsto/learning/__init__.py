"""Losses, measures, and pictures to learn on."""
