"""Certificates of Nebula networks (github.com/slackhq/nebula), in both of their encodings."""
