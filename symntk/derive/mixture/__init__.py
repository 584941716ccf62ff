"""Functions of the logistic family as sums inside the class, with certified errors."""
