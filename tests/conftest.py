"""Settings for all tests: hypothesis draws the same examples each time.

`pytest --hypothesis-profile explore` draws others each time.
"""

from hypothesis import settings

settings.register_profile("explore", deadline=None)
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
