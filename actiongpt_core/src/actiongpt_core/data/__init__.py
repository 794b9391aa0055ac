"""Motion data: readers of files that the user has, and parametric actions."""
