"""The oracle of Gaussian-elementary functions: one integral, whose integrand holds a conditional mean."""
