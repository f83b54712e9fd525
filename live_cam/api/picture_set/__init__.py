"""A folder of pictures, with what a person knows of them: their classes, and where the objects are."""
