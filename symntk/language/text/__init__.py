"""Text is data: a formula's text is read by a whitelist."""
