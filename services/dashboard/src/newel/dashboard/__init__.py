"""The pages by which people look after an authority. They call the administrative interfaces."""
