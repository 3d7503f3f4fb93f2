"""Images: styles, and the networks that see and paint."""
