"""DICOMweb (PS3.18): queries, answers and media types, as values. Pure; server/routes/dicomweb_*.py do the I/O."""
