"""Music: scores, what composes them, and the instruments that play them."""
