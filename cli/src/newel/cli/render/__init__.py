"""Values as text: tables, fingerprints, QR codes, help."""
