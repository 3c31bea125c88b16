"""What training many models as one gains over training them one after the other."""
