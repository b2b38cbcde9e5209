"""The synthetic patient as ``(name, bytes)``: X-ray runs, echo, IVUS, all marked PHANTOM. Pure: no files, no clock."""
