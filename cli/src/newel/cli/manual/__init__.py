"""The commands' documentation as pages, and the forms a page takes: terminal, Markdown, HTML, man, JSON."""
