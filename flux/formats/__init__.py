"""How dates are written: what Django takes from its own formats of a language is replaced here."""
