"""What the tests of the controller share; see fixtures.controller."""

from fixtures import controller as controllers

pki = controllers.pki
cluster = controllers.cluster
authority = controllers.authority
controller = controllers.controller
real = controllers.real
