"""The proposer: answers with one valid trade proposal."""
