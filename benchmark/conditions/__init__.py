"""What is done to test audio: kinds of condition, noises, recordings, and the signal-to-noise ratio."""
