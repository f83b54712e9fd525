"""Who may see the camera, and the certificate of the encrypted page."""
