"""What programs may ask of the forecast."""
