"""What PingMe needs from the world: one small Protocol per file, whose docstring is the guarantee."""
