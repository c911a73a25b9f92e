"""The API's shape: its addresses, its description, its pages, and one form of error for all of it."""
