"""Attestations of devices, as device-attest-01 carries them (draft-ietf-acme-device-attest)."""
