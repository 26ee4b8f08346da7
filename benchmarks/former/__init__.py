"""The data path of version 1.0, one row a movie shown: a rival of `./dev bench path`. Kept as it was."""
