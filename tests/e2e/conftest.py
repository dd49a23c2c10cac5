"""The scenarios run against one authority of each shape; see fixtures.shapes."""

from fixtures import challenge_targets as challenges
from fixtures import scenarios, shapes

challenge_targets = challenges.challenge_targets
http01_port = shapes.http01_port
split = shapes.split
authority = shapes.authority
step_ca_authority = scenarios.step_ca_authority
newel_authority = scenarios.newel_authority
stopped_authorities = scenarios.stopped_authorities
