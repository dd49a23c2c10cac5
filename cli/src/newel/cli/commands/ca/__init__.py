"""`newel ca`: the commands that talk to an authority."""
