"""AWS provisioners: the signed identity document of an EC2 instance admits it."""
