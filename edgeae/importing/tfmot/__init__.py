"""Models as tensorflow-model-optimization (tfmot) leaves them, read without running its code."""
