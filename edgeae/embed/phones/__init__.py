"""Phones: the classes of a model's parts in Kotlin and Swift, with what their packages hold."""
