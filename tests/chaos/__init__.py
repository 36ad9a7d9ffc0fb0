"""Real processes under load and faults, and the verdict on what clients saw: docs/chaos.md. ``python -m tests.chaos``."""
