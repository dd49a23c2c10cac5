"""Certificate templates: Go templates that make JSON, and that JSON as the fields of a certificate."""
