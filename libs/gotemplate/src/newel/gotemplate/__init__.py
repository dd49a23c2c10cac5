"""Go's text/template language with the functions certificate templates use: bounded, no input or output."""
