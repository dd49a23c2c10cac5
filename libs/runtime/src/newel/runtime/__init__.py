"""What every service needs: channels, database, events, HTTP, logs."""
