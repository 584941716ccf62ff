"""How fast symntk and what it exports are, beside others in the same run."""
