"""The report on a folder of pictures: where a classifier is wrong, and for what reason."""
