"""The sample: two dozen good toys, and their pictures, which are drawn in code."""
