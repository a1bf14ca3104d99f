"""Many runs: seeds now, and what they tell together."""
