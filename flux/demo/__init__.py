"""The demo restaurant: `bistro` says what it is, `trade` makes its sales; both are plain Python."""
