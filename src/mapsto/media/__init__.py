"""Files and pictures: what comes in from the user's disk and what goes back. Knows no networks."""
