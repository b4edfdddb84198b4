"""Figures that compare answers or costs: loss, parity, quantization, Pareto fronts.

Pure functions.
"""
