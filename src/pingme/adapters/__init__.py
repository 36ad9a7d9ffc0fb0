"""The ports made real: ``<port>_<technology>.py``."""
