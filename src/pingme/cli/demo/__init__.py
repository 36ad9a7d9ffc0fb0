"""`pingme demo`: people, groups and a lively room to look at; a client of the SDK like any other program."""
