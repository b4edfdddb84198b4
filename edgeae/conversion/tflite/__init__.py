"""Conversion of an original to one TFLite graph: calibration, quantization and rounding."""
