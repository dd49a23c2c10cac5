"""Events: the outbox that writes them and the stream that carries them."""
