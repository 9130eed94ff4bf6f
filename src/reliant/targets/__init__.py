"""What can be opened: a directory, an archive, a package, an image; read-only and within limits."""
