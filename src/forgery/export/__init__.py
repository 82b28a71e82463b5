"""A trained model in forms that leave this package: files that other programs read."""
