"""The DICOM network: pynetdicom, wrapped; nothing else imports it. It runs in processes of its own."""
