"""The audio tracks of annotated videos."""
