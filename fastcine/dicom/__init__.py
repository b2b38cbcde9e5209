"""DICOM bytes in, values out. Pure: no I/O (PS3.3, PS3.5, PS3.10)."""
