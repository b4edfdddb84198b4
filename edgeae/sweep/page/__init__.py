"""The page of a sweep: fronts, parallel coordinates, what each axis contributes, and the cells."""
