"""The two sides of `bench requests`: Django's settings with tenancy and without, and the view that both serve."""
