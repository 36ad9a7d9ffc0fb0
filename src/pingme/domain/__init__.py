"""Values and rules. Imports nothing but the standard library and msgspec; does no I/O and reads no clock."""
