"""What room keeps beside its Spaces: people as the people service tells of them, which Spaces are on, whom they
concern, and which words were taken back."""
