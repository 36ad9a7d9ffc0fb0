"""`pingme doctor`: is this machine, with these settings, fit to serve?"""
