"""Questions to the person at the terminal, and notes for their eyes."""
