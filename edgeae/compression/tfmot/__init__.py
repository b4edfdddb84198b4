"""Steps by tensorflow-model-optimization (tfmot), for recipes with `engine = "tfmot"`."""
