"""What templates may call besides the language itself: sprig's functions, by subject."""
