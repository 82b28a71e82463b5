"""Training: the game (Algorithm 1), the loop around it, and the run folder that it lives in."""
