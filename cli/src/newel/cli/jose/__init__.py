"""What the JOSE commands share: JWK, JWS and JWE, and whom messages are from and for."""
