"""The command `step-ca`: an authority that the step tools made, served from its own ca.json."""
