"""The walks run against one authority; see fixtures.running."""

from fixtures import running

authority = running.authority
