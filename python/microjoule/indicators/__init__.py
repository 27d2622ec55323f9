"""Indicators: what is found by looking at a model or by running it.

Operations, size, time, data efficiency. Each gives a frozen value with unit, direction and how it
was obtained; no framework is imported that the model itself has not brought. The public names are
those of `microjoule.metrics`, whose formulas take what is found here.
"""
