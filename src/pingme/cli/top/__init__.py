"""`pingme top`: what a running server does, second by second."""
