"""Sums of the forecast that need no more than Python: values in, values out."""
