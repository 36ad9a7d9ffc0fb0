"""The terminal client: a Textual app in small files, usable with keys alone, from 80 × 24 on."""
