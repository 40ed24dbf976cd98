"""The chaos suite: everything is killed, cut, delayed and emptied, and the ERPs' books are counted. `python -m chaos`."""
