"""The walks run against one authority of each shape; see fixtures.shapes."""

from fixtures import challenged as challenges
from fixtures import shapes, walks

challenged = challenges.challenged
http01_port = shapes.http01_port
split = shapes.split
authority = shapes.authority
original = walks.original
embedded = walks.embedded
resting = walks.resting
