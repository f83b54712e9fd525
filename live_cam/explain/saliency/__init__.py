"""Saliency maps, and measurements on them."""
