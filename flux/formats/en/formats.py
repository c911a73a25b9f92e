"""Forms take a date only as browsers send it: 10/12 is another day in America than elsewhere."""

DATE_INPUT_FORMATS = ["%Y-%m-%d"]
