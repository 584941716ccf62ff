"""Certificates and exported modules as files: data of others, read within bounds and compared."""
