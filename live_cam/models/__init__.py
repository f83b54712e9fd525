"""The network to explain: its labels, preprocessing and weights. Independent of video."""
