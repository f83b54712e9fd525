"""From frames to explanations: the compiled step, saliency maps, and measurements on them."""
