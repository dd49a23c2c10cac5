"""Files of this machine: STEPPATH, contexts, credentials, and safe reading and writing."""
