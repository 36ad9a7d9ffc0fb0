"""The far side of the log: take, persist, deliver."""
