"""Remote management: administrators change provisioners, policies and external account keys by HTTP."""
