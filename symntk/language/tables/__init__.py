"""Knowledge as data: an entry for each activation and each surrogate derivative."""
