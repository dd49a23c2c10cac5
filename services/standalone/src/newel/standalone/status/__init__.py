"""`newel status`: a page of facts about an authority."""
