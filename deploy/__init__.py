"""How Newel is deployed: configurations, images, and the split shape on one machine."""
