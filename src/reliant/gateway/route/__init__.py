"""Where a request may go: routes and their candidates, prices, and who holds which object."""
