"""Pages in a real browser; a package, so that its fixtures have a name of their own."""
