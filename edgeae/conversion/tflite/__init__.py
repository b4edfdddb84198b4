"""An original becomes one TFLite graph: converted, quantized, rounded."""
