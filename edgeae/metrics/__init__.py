"""Pure functions that compare answers or costs: loss, parity, quantization, Pareto fronts."""
