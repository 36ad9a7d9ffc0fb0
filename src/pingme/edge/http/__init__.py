"""The HTTP API: one router per noun, one envelope around every answer."""
