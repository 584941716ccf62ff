"""Networks: the layer recursion, composed formulas, mean-field facts and regression."""
