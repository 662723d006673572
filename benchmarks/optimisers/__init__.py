"""What makes grokking faster? Methods compared by the protocol of docs/optimisers.md."""
