"""`ca init`: what it asks, makes and writes."""
