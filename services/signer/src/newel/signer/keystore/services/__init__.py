"""Keys in the key services of clouds: AWS KMS, Google Cloud KMS and Azure Key Vault."""
