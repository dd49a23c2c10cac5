"""RFC 8894: the messages of the Simple Certificate Enrolment Protocol."""
