"""Provisioners: who may ask for what, whatever kind they are of."""
