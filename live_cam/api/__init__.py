"""What Python programs and notebooks use: images of any kind in, results that show and save themselves out."""
