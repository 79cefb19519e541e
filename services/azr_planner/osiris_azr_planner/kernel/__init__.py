"""What the kernel should try next: which change of which part of the policy, and on which market."""
