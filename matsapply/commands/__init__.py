"""The parts of the ``matsapply`` command, one file for each noun."""
