"""Provisioners as ca.json keeps them, made and changed by flags."""
